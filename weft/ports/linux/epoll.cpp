#include <weft/ports/linux/epoll.hpp>

#include <new>

#include <weft/core/timer_wheel.hpp>
#include <weft/ports/linux/perform.hpp>
#include <weft/ports/linux/sys.hpp>

namespace weft {

atomic<std::uint32_t> descriptor_generations::counts_[descriptor_generations::count];

namespace {

// io_operation::state
enum : std::uint8_t { at_rest, waiting, in_pool };

constexpr std::uint64_t bell_mark = UINT64_MAX;

std::uint64_t mark_of(int fd, std::uint32_t generation) noexcept {
    return static_cast<std::uint64_t>(generation) << 32 | static_cast<std::uint32_t>(fd);
}

} // namespace

result<std::unique_ptr<backend>> epoll_backend::make(thread_pool* pool) {
    long ep = sys::epoll_create();
    if (ep < 0) return failure(sys::error_from(ep));
    long bell = sys::event_descriptor(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (bell < 0) {
        sys::close(static_cast<int>(ep));
        return failure(sys::error_from(bell));
    }
    epoll_event e{};
    e.events = EPOLLIN | EPOLLET; // edge-triggered: each count is an event, and none is ever read
    e.data.u64 = bell_mark;
    if (long r = sys::epoll_control(static_cast<int>(ep), EPOLL_CTL_ADD, static_cast<int>(bell), e); r < 0) {
        sys::close(static_cast<int>(ep));
        sys::close(static_cast<int>(bell));
        return failure(sys::error_from(r));
    }
    return std::unique_ptr<backend>(new epoll_backend(static_cast<int>(ep), static_cast<int>(bell), pool));
}

epoll_backend::epoll_backend(int ep, int bell, thread_pool* pool) noexcept
    : epoll_(ep), bell_(bell), pooled_(pool, *this) {}

epoll_backend::~epoll_backend() {
    // What waits for readiness holds nothing of the kernel's. What the pool has begun is awaited, and may ring until then.
    pooled_.await_all();
    sys::close(epoll_);
    sys::close(bell_);
    std::free(static_cast<void*>(entries_));
}

void epoll_backend::append(queue& q, io_operation& op) noexcept {
    op.next = nullptr;
    op.previous = q.tail;
    if (q.tail)
        q.tail->next = &op;
    else
        q.head = &op;
    q.tail = &op;
}

void epoll_backend::remove(queue& q, io_operation& op) noexcept {
    io_operation* next = op.next;
    io_operation* previous = op.previous;
    (previous ? previous->next : q.head) = next;
    (next ? next->previous : q.tail) = previous;
}

// The entry of a descriptor, made if need be. False without memory.
bool epoll_backend::enter(int fd, entry*& e) noexcept {
    auto index = static_cast<std::size_t>(fd);
    if (index >= capacity_) {
        std::size_t wanted = capacity_ ? capacity_ : 64;
        while (wanted <= index) wanted *= 2;
        auto* grown = static_cast<entry*>(std::realloc(static_cast<void*>(entries_), wanted * sizeof(entry)));
        if (!grown) return false;
        for (std::size_t i = capacity_; i < wanted; ++i) new (&grown[i]) entry;
        entries_ = grown;
        capacity_ = wanted;
    }
    e = &entries_[index];
    return true;
}

long epoll_backend::register_descriptor(int fd, entry& e) noexcept {
    std::uint32_t generation = descriptor_generations::of(fd);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
    event.data.u64 = mark_of(fd, generation);
    long r = sys::epoll_control(epoll_, EPOLL_CTL_ADD, fd, event);
    // The same open file under the same number: the count was one too many, or the file was closed and opened again by
    // means of a duplicate. Either way the edge is asked for anew.
    if (r == -EEXIST) r = sys::epoll_control(epoll_, EPOLL_CTL_MOD, fd, event);
    if (r < 0) return r;
    e.generation = generation;
    e.registered = true;
    e.ready = 0; // the kernel reports what is ready by now
    return 0;
}

// What the kernel knows under this number now; nullptr if that is not known here.
inline epoll_backend::entry* epoll_backend::known(int fd) noexcept {
    if (static_cast<std::size_t>(fd) >= capacity_) return nullptr;
    entry& e = entries_[fd];
    return e.registered && e.generation == descriptor_generations::of(fd) ? &e : nullptr;
}

// True: the operation has its outcome. False: it has to wait. The two that matter for speed need neither perform() nor
// settle() where one call does it all.
[[gnu::always_inline]] inline bool epoll_backend::attempt(io_operation& op, entry* e, int side) noexcept {
    std::int64_t outcome;
    if (op.code == io_code::receive) [[likely]] {
        outcome = sys::receive(descriptor_of(op), op.data, op.size, MSG_DONTWAIT);
        if (outcome >= 0 && !(op.flags & io_whole)) [[likely]] {
            if ((op.flags & io_short_empty) && static_cast<std::size_t>(outcome) < op.size && e &&
                !(e->ready & sticky))
                e->ready &= static_cast<std::uint8_t>(~can_read);
            op.outcome = outcome;
            return true;
        }
    } else if (op.code == io_code::send) [[likely]] {
        outcome = sys::send(descriptor_of(op), op.data, op.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (outcome == static_cast<std::int64_t>(op.size)) [[likely]] {
            op.outcome += outcome;
            return true;
        }
    } else {
        outcome = perform(op);
    }
    return settle(op, e, side, outcome);
}

// Takes the outcome of a call into account, and makes further ones as long as there is something to be had.
bool epoll_backend::settle(io_operation& op, entry* e, int side, std::int64_t outcome) noexcept {
    const auto ready = static_cast<std::uint8_t>(can_read << side);
    for (;; outcome = perform(op)) {
        if (outcome == -EINTR) continue;
        if (outcome == -EAGAIN) {
            if (e) e->ready &= static_cast<std::uint8_t>(~ready);
            return false;
        }
        if (outcome < 0) {
            op.outcome = outcome;
            return true;
        }
        if ((op.flags & io_short_empty) && static_cast<std::size_t>(outcome) < op.size && e &&
            !(e->ready & sticky))
            e->ready &= static_cast<std::uint8_t>(~ready);
        if (!goes_on(op, outcome)) return true;
        if (e && !(e->ready & ready)) return false;
    }
}

inline bool epoll_backend::wait_for(io_operation& op, entry& e, int side) noexcept {
    append(e.sides[side], op);
    op.state = waiting;
    ++in_flight_;
    return true;
}

bool epoll_backend::submit(io_operation& op) noexcept {
    op.outcome = 0;
    if (entry* e = known(descriptor_of(op))) [[likely]] {
        if (op.code == io_code::receive) {
            if (!(e->ready & can_read) || e->sides[0].head) [[likely]]
                return wait_for(op, *e, 0);
        } else if (op.code == io_code::send) {
            if (e->ready & can_write && !e->sides[1].head) [[likely]] {
                std::int64_t outcome =
                    sys::send(descriptor_of(op), op.data, op.size, MSG_DONTWAIT | MSG_NOSIGNAL);
                if (outcome == static_cast<std::int64_t>(op.size)) [[likely]] {
                    op.outcome = outcome;
                    return false;
                }
                return !settle(op, e, 1, outcome) && wait_for(op, *e, 1);
            }
        }
    }
    return submit_slowly(op);
}

bool epoll_backend::submit_slowly(io_operation& op) noexcept {
    io_side side = side_of(op.code);
    return side == io_side::pool ? submit_to_pool(op) : submit_waiting(op, static_cast<int>(side));
}

bool epoll_backend::submit_to_pool(io_operation& op) noexcept {
    if (!pooled_.submit(op)) return false;
    op.state = in_pool;
    ++in_flight_;
    return true;
}

bool epoll_backend::submit_waiting(io_operation& op, int side) noexcept {
    int fd = descriptor_of(op);
    if (fd < 0) {
        op.outcome = -EBADF;
        return false;
    }
    entry* e = known(fd);
    // A connect has to be begun, whatever is known of the socket.
    if (e && op.code != io_code::connect && (e->sides[side].head || !(e->ready & (can_read << side))))
        return wait_for(op, *e, side);
    if (attempt(op, e, side)) return false;
    if (!e) {
        long r = enter(fd, e) ? register_descriptor(fd, *e) : -ENOMEM;
        if (r == -EPERM) return submit_to_pool(op); // a file that is always ready: not epoll's business
        if (r < 0) {
            op.outcome = r;
            return false;
        }
    }
    return wait_for(op, *e, side);
}

void epoll_backend::cancel(io_operation& op) noexcept {
    if (op.state == waiting) {
        remove(entries_[descriptor_of(op)].sides[static_cast<int>(side_of(op.code))], op);
        op.outcome = io_operation::stopped;
        complete(op);
    } else if (op.state == in_pool && pooled_.cancel(op)) {
        complete(op);
    }
}

inline void epoll_backend::complete(io_operation& op) noexcept {
    op.state = at_rest;
    --in_flight_;
    op.owner->post();
}

[[gnu::always_inline]] inline void epoll_backend::drain(entry& e, int side) noexcept {
    queue& q = e.sides[side];
    while (io_operation* op = q.head) {
        if (!(e.ready & (can_read << side)) || !attempt(*op, &e, side)) return;
        remove(q, *op);
        complete(*op);
    }
}

void epoll_backend::take_from_pool() noexcept {
    io_operation* op = pooled_.take_finished();
    while (op) {
        io_operation* next = pooled_operations::next(*op);
        complete(*op);
        op = next;
    }
}

long epoll_backend::wait(std::int64_t deadline) noexcept {
    if (deadline == timer_wheel::never) return sys::epoll_wait(epoll_, events_, batch, -1);
    std::int64_t left = deadline == 0 ? 0 : deadline - port::now();
    if (left <= 0) return sys::epoll_wait(epoll_, events_, batch, 0);
    if (precise_) {
        timespec t{static_cast<time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
        long n = sys::epoll_wait_precise(epoll_, events_, batch, t);
        if (n != -ENOSYS && n != -EPERM) return n;
        precise_ = false;
    }
    std::int64_t milliseconds = (left + 999'999) / 1'000'000; // rather late than early
    return sys::epoll_wait(epoll_, events_, batch,
                           milliseconds > INT_MAX ? INT_MAX : static_cast<int>(milliseconds));
}

void epoll_backend::poll(std::int64_t deadline) noexcept {
    if (pooled_.any_finished()) {
        take_from_pool();
        deadline = 0;
    }
    long n = wait(deadline);
    for (long i = 0; i < n; ++i) {
        std::uint64_t mark = events_[i].data.u64;
        std::uint32_t what = events_[i].events;
        if (mark == bell_mark) {
            take_from_pool();
            continue;
        }
        auto fd = static_cast<std::uint32_t>(mark);
        entry& e = entries_[fd];
        if (e.generation != mark >> 32) continue; // a closed descriptor's last words
        if (what & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) [[unlikely]] {
            e.ready |= sticky;
            what |= EPOLLIN;
            if (what & (EPOLLHUP | EPOLLERR)) what |= EPOLLOUT;
        }
        if (what & EPOLLIN) {
            e.ready |= can_read;
            drain(e, 0);
        }
        if (what & EPOLLOUT) {
            e.ready |= can_write;
            drain(e, 1);
        }
    }
}

void epoll_backend::ring() noexcept {
    std::uint64_t one = 1;
    sys::write(bell_, &one, sizeof one);
}

} // namespace weft

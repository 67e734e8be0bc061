#include <weft/ports/linux/epoll.hpp>

#include <new>

#include <weft/core/machine/timer_wheel.hpp>
#include <weft/io/host.hpp>
#include <weft/ports/linux/perform.hpp>
#include <weft/ports/linux/sys.hpp>

namespace weft {

namespace {

// io_operation::state
enum : std::uint8_t { waiting, in_pool };

} // namespace

result<std::unique_ptr<backend>> epoll_backend::make(thread_pool* pool) {
    long ep = sys::epoll_create();
    if (ep < 0) return failure(sys::error_from(ep));
    long bell = sys::event_descriptor(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (bell < 0) {
        sys::close(static_cast<int>(ep));
        return failure(sys::error_from(bell));
    }
    std::unique_ptr<epoll_backend> made(
        new epoll_backend(static_cast<int>(ep), static_cast<int>(bell), pool));
    epoll_event e{};
    e.events = EPOLLIN | EPOLLET; // edge-triggered: each count is an event, and none is ever read
    e.data.ptr = &made->place_of_bell_;
    if (long r = sys::epoll_control(made->epoll_, EPOLL_CTL_ADD, made->bell_, e); r < 0)
        return failure(sys::error_from(r));
    return made;
}

epoll_backend::epoll_backend(int ep, int bell, thread_pool* pool) noexcept
    : epoll_(ep), bell_(bell), pooled_(pool, *this) {}

epoll_backend::~epoll_backend() {
    // What waits for readiness holds nothing of the kernel's. What the pool has begun is awaited, and may ring until then.
    pooled_.await_all();
    sys::close(epoll_);
    sys::close(bell_);
}

long epoll_backend::register_descriptor(io_handle& on, io_place*& made, bool for_output) noexcept {
    int fd = static_cast<int>(on.value);
    made = places_.make(static_cast<std::size_t>(fd));
    if (!made) return -ENOMEM;
    io_place& e = *made;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLET | (for_output ? EPOLLOUT : 0u);
    event.data.ptr = &e;
    long r = sys::epoll_control(epoll_, EPOLL_CTL_ADD, fd, event);
    // The same open file under the same number, though another descriptor: it was given up and taken over, or closed and
    // opened again by means of a duplicate. Either way the edge is asked for anew.
    if (r == -EEXIST) r = sys::epoll_control(epoll_, EPOLL_CTL_MOD, fd, event);
    if (r < 0) return r;
    e.generation = on.generation;
    unsigned traits = on.records ? io_place::has_records : 0;
    e.traits = (for_output ? traits | io_place::output_armed : traits) & 0xff;
    e.know_nothing(0); // the kernel reports what is ready by now
    if (for_output)
        e.know_nothing(1);
    else
        e.know(1, io_place::something);
    on.output.fetch_and(~std::uint32_t{1}, order::relaxed);
    return 0;
}

// What the kernel knows under this number now; nullptr if that is not known here.
inline io_place* epoll_backend::known(const io_handle& on) noexcept {
    io_place* e = places_.find(static_cast<std::size_t>(on.value));
    return e && e->generation == on.generation ? e : nullptr;
}

// Nobody waits.
void epoll_backend::now_known(io_place& e, int side, bool more) noexcept {
    if (more)
        e.know(side, io_place::something);
    else
        e.know_nothing(side);
}

// Takes the outcome of a call into account, and makes further ones as long as there is something to be had.
epoll_backend::settled epoll_backend::settle(io_operation& op, const io_place* e, int side,
                                             std::int64_t outcome) noexcept {
    for (;; outcome = perform(op)) {
        if (outcome == -EINTR) continue;
        if (outcome == -EAGAIN) return {false, false};
        if (outcome < 0) {
            op.outcome = outcome;
            return {true, true};
        }
        bool more = !(op.flags & io_short_empty) || static_cast<std::size_t>(outcome) >= op.size || !e ||
                    e->traits & io_place::sticky || (side == 0 && e->traits & io_place::has_records);
        if (!goes_on(op, outcome)) return {true, more};
        if (!more) return {false, false};
    }
}

bool epoll_backend::submit_to_wait(io_operation& op, io_place& e, int side) noexcept {
    if (side == 1 && !(e.traits & io_place::output_armed)) {
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
        event.data.ptr = &e;
        // Tells at once if there is room by now.
        if (long r = sys::epoll_control(epoll_, EPOLL_CTL_MOD, descriptor_of(op), event); r < 0) {
            op.outcome = r;
            return false;
        }
        e.note(io_place::output_armed);
    }
    e.append(side, op);
    op.state = waiting;
    e.level.store(&op.owner->home(), order::relaxed);
    // The descriptor's one place is where somebody waits plainly, as long as somebody does: host::in_use().
    io_place* other = op.on->place.load(order::acquire);
    if (!(other->known_of(0) & io_place::plain_bit)) op.on->place.store(&e, order::release);
    return true;
}

bool epoll_backend::submit(io_operation& op) noexcept {
    used_ = true;
    io_side side = side_of(op.code);
    return side == io_side::pool ? submit_to_pool(op) : submit_waiting(op, static_cast<int>(side));
}

bool epoll_backend::submit_to_pool(io_operation& op) noexcept {
    if (!pooled_.submit(op)) return false;
    op.state = in_pool;
    return true;
}

bool epoll_backend::submit_waiting(io_operation& op, int side) noexcept {
    int fd = descriptor_of(op);
    if (fd < 0) {
        op.outcome = -EBADF;
        return false;
    }
    io_place* e = known(*op.on);
    // A connect has to be begun, whatever is known of the socket.
    if (e && op.code != io_code::connect) {
        if (op.flags & io_tried && e->known_of(side) == io_place::something) e->know_nothing(side);
        op.flags &= static_cast<std::uint8_t>(~io_tried);
        if (e->known_of(side) != io_place::something) return submit_to_wait(op, *e, side);
    }
    settled s = settle(op, e, side, perform(op));
    if (e && !e->first(side)) now_known(*e, side, s.more);
    bool receives = op.code == io_code::receive || op.code == io_code::receive_leased;
    if (s.ended && (e || !receives || op.outcome <= 0)) return false;
    // A connection that lives is registered once, and after its first bytes as well as before.
    long problem = e ? 0 : register_descriptor(*op.on, e, side == 1);
    if (s.ended) return false;
    if (problem == -EPERM) return submit_to_pool(op); // a file that is always ready: not epoll's business
    if (problem == 0) return submit_to_wait(op, *e, side);
    op.outcome = problem;
    return false;
}

void epoll_backend::cancel(io_operation& op) noexcept {
    io_place* e = op.on ? known(*op.on) : nullptr;
    if (e && e->known_of(0) == io_place::plain(op)) e->first(0);
    if (op.state == waiting)
        e->remove(static_cast<int>(side_of(op.code)), op);
    else if (!pooled_.cancel(op))
        return;
    op.outcome = io_operation::stopped;
    deliver(op);
}

// Something is to be had for those who wait; `outcome` is what the first has got.
void epoll_backend::drain(io_place& e, int side, std::int64_t outcome) noexcept {
    for (;;) {
        io_operation& op = *e.first(side);
        settled s = settle(op, &e, side, outcome);
        if (!s.ended) return;
        e.remove(side, op);
        io_operation* next = e.first(side);
        if (!next) now_known(e, side, s.more);
        deliver(op);
        if (!next || !s.more) return;
        outcome = perform(*next);
    }
}

void epoll_backend::take_from_pool() noexcept {
    io_operation* op = pooled_.take_finished();
    while (op) {
        io_operation* next = pooled_operations::next(*op);
        deliver(*op);
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
    if (n <= 0) return;
    executor* here = port::current();
    run_queue unused;
    if (here && here->has_one_level())
        take_events<true>(events_, events_ + n, here->level());
    else
        take_events<false>(events_, events_ + n, unused);
}

namespace {

// Who connected is told of room for output along with each input. It is no news where nobody waits for room.
std::uint32_t news(io_place& e, std::uint32_t what) noexcept {
    if (what != (EPOLLIN | EPOLLOUT) || e.known_of(1) > io_place::nothing_careful) return what;
    e.know(1, io_place::something);
    return EPOLLIN;
}

// In place of run_queue::appender, where branches of several priorities become ready.
struct each_to_its_own {
    explicit each_to_its_own(run_queue&) noexcept {}
    void add(job& j) noexcept { j.home().push(j); }
    void close() noexcept {}
    void reopen() noexcept {}
};

} // namespace

// The usual is that one reader waits, by the short way, and something has come. Where all branches stand in one queue, those
// that become ready one after the other join it in one go.
template <bool one_queue>
void epoll_backend::take_events(const epoll_event* at, const epoll_event* end, run_queue& queue) noexcept {
    std::conditional_t<one_queue, run_queue::appender, each_to_its_own> ready(queue);
    for (; at < end; ++at) {
        auto& e = *static_cast<io_place*>(at->data.ptr);
        std::uintptr_t reader = e.known_of(0);
        auto* op = reinterpret_cast<io_operation*>(reader - io_place::plain_bit);
        std::uint32_t what = at->events;
        if (what != EPOLLIN) [[unlikely]]
            what = news(e, what);
        if (what == EPOLLIN && reader & io_place::plain_bit) [[likely]] {
            std::int64_t outcome = sys::receive(static_cast<int>(e.fd), op->data, op->size, MSG_DONTWAIT);
            auto received = [&](std::uintptr_t left) {
                op->outcome = outcome;
                e.know(0, left);
                branch& b = *op->owner;
                b.waiting.store(nullptr, order::relaxed);
                ready.add(b);
            };
            auto bytes = static_cast<std::uint64_t>(outcome); // an error is more than any size
            if (bytes < op->size) [[likely]] {
                received(io_place::nothing);
                continue;
            }
            if (bytes == op->size) {
                received(io_place::something);
                continue;
            }
            ready.close();
            drain(e, 0, outcome);
        } else {
            ready.close();
            on_event(*at);
        }
        ready.reopen();
    }
    ready.close();
}

void epoll_backend::on_event(const epoll_event& event) noexcept {
    auto& e = *static_cast<io_place*>(event.data.ptr);
    std::uint32_t what = event.events;
    if (&e == &place_of_bell_) return take_from_pool();
    if (what & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) [[unlikely]] {
        e.note(io_place::sticky);
        e.be_careful();
        what |= EPOLLIN;
        if (what & (EPOLLHUP | EPOLLERR)) what |= EPOLLOUT;
    }
    constexpr std::uint32_t tells[] = {EPOLLIN, EPOLLOUT};
    for (int side = 0; side < 2; ++side) {
        if (!(what & tells[side])) continue;
        if (io_operation* op = e.first(side))
            drain(e, side, perform(*op));
        else
            e.know(side, io_place::something);
    }
}

void epoll_backend::ring() noexcept {
    std::uint64_t one = 1;
    sys::write(bell_, &one, sizeof one);
}

} // namespace weft

namespace weft::host {

namespace {

// Waits by the short way.
[[gnu::always_inline]] inline bool wait_plainly(io_place& e, io_operation& op, branch& b,
                                                continuation& then) noexcept {
    e.know(0, io_place::plain(op));
    op.owner = &b;
    b.refill(); // others get their turn
    b.target = &then;
    b.waiting.store(&op, order::release);
    return true;
}

// A receive that need not wait, as far as is known. After one that has filled its buffer there may be more, and mostly is not.
[[gnu::noinline]] bool receive_at_once(io_operation& op, branch& b, continuation& then,
                                       io_place& e) noexcept {
    bool plain = e.level.load(order::relaxed) == &b.home() && e.known_of(0) == io_place::something &&
                 !(e.traits & (io_place::sticky | io_place::has_records)) && !b.stopping();
    if (plain) op.outcome = sys::receive(descriptor_of(op), op.data, op.size, MSG_DONTWAIT);
    if (!plain || op.outcome == -EINTR) {
        op.become(io_code::receive, io_short_empty);
        return start(op, b, then);
    }
    if (op.outcome == -EAGAIN) return wait_plainly(e, op, b, then);
    if (op.outcome >= 0)
        e.know(0, static_cast<std::size_t>(op.outcome) < op.size ? io_place::nothing : io_place::something);
    op.owner = &b;
    b.target = &then;
    return end_at_once(op, b);
}

} // namespace

// After a receive that has taken everything the next one has to wait, and there is no more to it than what stands here.
bool receive(io_operation& op, branch& b, continuation& then) noexcept {
    io_place& e = *op.on->place.load(order::acquire);
    if (e.level.load(order::relaxed) != &b.home() || e.known_of(0) != io_place::nothing || b.stopping())
        [[unlikely]]
        return receive_at_once(op, b, then, e);
    return wait_plainly(e, op, b, then);
}

bool in_use(const io_handle& h) noexcept {
    return h.input.load(order::relaxed) != 0 || h.output.load(order::relaxed) > 1 ||
           h.place.load(order::acquire)->known_of(0) & io_place::plain_bit;
}

} // namespace weft::host

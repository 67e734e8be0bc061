#include <weft/ports/linux/select.hpp>

#include <algorithm>
#include <new>

namespace weft {

result<std::unique_ptr<backend>> select_backend::make(thread_pool* pool) {
    result<bell> rung = bell::make();
    if (!rung) return failure(rung.error());
    if (rung->descriptor() >= FD_SETSIZE) return failure(errc::limit_exceeded);
    return std::unique_ptr<backend>(new select_backend(std::move(*rung), pool));
}

select_backend::select_backend(bell&& rung, thread_pool* pool)
    : reactor_over(pool), rung_(std::move(rung)), events_(1) {}

std::int64_t select_backend::watch(io_place& place, bool) noexcept {
    if (place.fd >= FD_SETSIZE) return io_operation::beyond_limit;
    if (place.traits & io_place::known_to_poller) return 0;
    try {
        events_.resize(places_.size() + 2);
        places_.push_back(&place);
    } catch (const std::bad_alloc&) {
        return -ENOMEM;
    }
    place.note(io_place::known_to_poller);
    return 0;
}

std::span<const select_backend::event> select_backend::wait(std::int64_t deadline) noexcept {
    fd_set input, output;
    FD_ZERO(&input);
    FD_ZERO(&output);
    FD_SET(rung_.descriptor(), &input);
    int last = rung_.descriptor();
    for (io_place* p : places_) {
        if (!p->awaited(0) && !p->awaited(1)) continue;
        int fd = static_cast<int>(p->fd);
        if (p->awaited(0)) FD_SET(fd, &input);
        if (p->awaited(1)) FD_SET(fd, &output);
        last = std::max(last, fd);
    }

    timespec left = time_until(deadline);
    long n = sys::select(last + 1, input, output, deadline == timer_wheel::never ? nullptr : &left);
    std::size_t ready = 0;
    if (n == -EBADF) ready = find_closed();
    if (n <= 0) return {events_.data(), ready};
    if (FD_ISSET(rung_.descriptor(), &input)) {
        rung_.silence();
        events_[ready++] = {&bell_, io_event{.readable = true}};
    }
    for (io_place* p : places_) {
        io_event told;
        told.readable = p->awaited(0) && FD_ISSET(static_cast<int>(p->fd), &input);
        told.writable = p->awaited(1) && FD_ISSET(static_cast<int>(p->fd), &output);
        if (told.readable || told.writable) events_[ready++] = {p, told};
    }
    return {events_.data(), ready};
}

// One that was closed by others, behind its owner's back, would keep select() from waiting for the rest.
std::size_t select_backend::find_closed() noexcept {
    std::size_t found = 0;
    for (io_place* p : places_)
        if ((p->awaited(0) || p->awaited(1)) && sys::get_flags(static_cast<int>(p->fd)) == -EBADF)
            events_[found++] = {p, io_event{.readable = true, .writable = true, .error = true}};
    return found;
}

} // namespace weft

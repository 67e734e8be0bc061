#include <weft/ports/linux/epoll.hpp>

namespace weft {

result<std::unique_ptr<backend>> epoll_backend::make(thread_pool* pool) {
    result<bell> rung = bell::make();
    if (!rung) return failure(rung.error());
    long ep = sys::epoll_create();
    if (ep < 0) return failure(sys::error_from(ep));
    std::unique_ptr<epoll_backend> made(new epoll_backend(static_cast<int>(ep), std::move(*rung), pool));
    event e{};
    e.events = EPOLLIN | EPOLLET; // each count is an event, and none is ever read
    e.data.ptr = &made->bell_;
    if (long r = sys::epoll_control(made->epoll_, EPOLL_CTL_ADD, made->rung_.descriptor(), e); r < 0)
        return failure(sys::error_from(r));
    return made;
}

epoll_backend::epoll_backend(int ep, bell&& rung, thread_pool* pool) noexcept
    : reactor_over(pool), epoll_(ep), rung_(std::move(rung)) {}

epoll_backend::~epoll_backend() {
    await_pool();
    sys::close(epoll_);
}

std::int64_t epoll_backend::watch(io_place& place, bool output) noexcept {
    int fd = static_cast<int>(place.fd);
    event e{};
    e.events = EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLET | (output ? EPOLLOUT : 0u);
    e.data.ptr = &place;
    long r =
        place.traits & io_place::input_watched ? -EEXIST : sys::epoll_control(epoll_, EPOLL_CTL_ADD, fd, e);
    // The same open file under the same number, though another descriptor: it was given up and taken over, or closed and
    // opened again by means of a duplicate. Either way the edge is asked for anew.
    if (r == -EEXIST) r = sys::epoll_control(epoll_, EPOLL_CTL_MOD, fd, e);
    return r;
}

io_event epoll_backend::told_by(const event& e) noexcept {
    io_event told;
    told.end = e.events & (EPOLLRDHUP | EPOLLHUP);
    told.error = e.events & (EPOLLERR | EPOLLPRI);
    told.readable = e.events & EPOLLIN || told.end || told.error;
    told.writable = e.events & (EPOLLOUT | EPOLLHUP | EPOLLERR);
    return told;
}

std::span<const epoll_event> epoll_backend::wait(std::int64_t deadline) noexcept {
    long n = -ENOSYS;
    if (deadline == 0 || deadline == timer_wheel::never) {
        n = sys::epoll_wait(epoll_, events_, batch, deadline == 0 ? 0 : -1);
    } else {
        timespec left = time_until(deadline);
        if (precise_) n = sys::epoll_wait_precise(epoll_, events_, batch, left);
        if (n == -ENOSYS || n == -EPERM) {
            precise_ = false;
            // Rather late than early; and for a day at most, after which the worker looks again.
            long seconds = left.tv_sec < 86'400 ? left.tv_sec : 86'400;
            long milliseconds = seconds * 1'000 + (left.tv_nsec + 999'999) / 1'000'000;
            n = sys::epoll_wait(epoll_, events_, batch, static_cast<int>(milliseconds));
        }
    }
    return {events_, static_cast<std::size_t>(n > 0 ? n : 0)};
}

} // namespace weft

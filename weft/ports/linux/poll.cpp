#include <weft/ports/linux/poll.hpp>

#include <new>

namespace weft {

result<std::unique_ptr<backend>> poll_backend::make(thread_pool* pool) {
    result<bell> rung = bell::make();
    if (!rung) return failure(rung.error());
    return std::unique_ptr<backend>(new poll_backend(std::move(*rung), pool));
}

poll_backend::poll_backend(bell&& rung, thread_pool* pool)
    : reactor_over(pool), rung_(std::move(rung)), places_{&bell_}, asked_(1), events_(1) {}

std::int64_t poll_backend::watch(io_place& place, bool) noexcept {
    if (place.traits & io_place::known_to_poller) return 0;
    try {
        asked_.resize(places_.size() + 1);
        events_.resize(places_.size() + 1);
        places_.push_back(&place);
    } catch (const std::bad_alloc&) {
        return -ENOMEM;
    }
    place.note(io_place::known_to_poller);
    return 0;
}

io_event poll_backend::told_by(const event& e) noexcept {
    io_event told;
    told.end = e.what & POLLHUP;
    told.error = e.what & (POLLERR | POLLNVAL);
    told.readable = e.what & POLLIN || told.end || told.error;
    told.writable = e.what & POLLOUT || told.end || told.error;
    return told;
}

std::span<const poll_backend::event> poll_backend::wait(std::int64_t deadline) noexcept {
    std::size_t count = 0;
    auto ask = [&](io_place& place, int fd, int what) {
        asked_[count] = {fd, static_cast<short>(what), 0};
        events_[count++].place = &place;
    };
    ask(bell_, rung_.descriptor(), POLLIN);
    for (io_place* p : std::span(places_).subspan(1))
        if (int what = (p->awaited(0) ? POLLIN : 0) | (p->awaited(1) ? POLLOUT : 0))
            ask(*p, static_cast<int>(p->fd), what);

    timespec left = time_until(deadline);
    long n = sys::poll_precise(asked_.data(), count, deadline == timer_wheel::never ? nullptr : &left);
    if (n <= 0) return {};
    if (asked_[0].revents) rung_.silence();
    std::size_t ready = 0;
    for (std::size_t i = 0; i < count; ++i)
        if (asked_[i].revents) events_[ready++] = {events_[i].place, asked_[i].revents};
    return {events_.data(), ready};
}

} // namespace weft

// The back-end over poll(2), for hosts that have nothing better, and to see that readiness is a trait and not epoll.
#pragma once

#include <vector>

#include <weft/ports/host/reactor.hpp>
#include <weft/ports/linux/sys.hpp>
#include <weft/ports/linux/waiting.hpp>

namespace weft {

// The kernel is asked anew each time, about the descriptors that somebody waits for: a wait costs as much as there are.
class poll_backend final : public reactor_over<poll_backend> {
  public:
    static result<std::unique_ptr<backend>> make(thread_pool* pool);
    ~poll_backend() override { await_pool(); }

    const char* name() const noexcept override { return "poll"; }
    void ring() noexcept override { rung_.ring(); }

    struct event {
        io_place* place;
        int what;
    };
    std::span<const event> wait(std::int64_t deadline) noexcept;
    static io_place& place_of(const event& e) noexcept { return *e.place; }
    static bool is_input(const event& e) noexcept { return e.what == POLLIN; }
    static bool is_input_and_room(const event& e) noexcept { return e.what == (POLLIN | POLLOUT); }
    static io_event told_by(const event& e) noexcept;
    static long receive(int fd, void* to, std::size_t n) noexcept {
        return sys::receive(fd, to, n, MSG_DONTWAIT);
    }

  private:
    poll_backend(bell&& rung, thread_pool* pool);
    std::int64_t watch(io_place& place, bool output) noexcept override;

    bell rung_;
    std::vector<io_place*> places_; // that were ever watched; the bell's is the first
    // Both have room for each place.
    std::vector<pollfd> asked_;
    std::vector<event> events_;
};

} // namespace weft

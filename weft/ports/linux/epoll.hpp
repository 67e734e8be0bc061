// The back-end that is always there: epoll for what one can wait for, a pool of threads for the rest.
#pragma once

#include <weft/ports/host/reactor.hpp>
#include <weft/ports/linux/sys.hpp>
#include <weft/ports/linux/waiting.hpp>

namespace weft {

// Each descriptor is registered once, edge-triggered; for output from the first time on that something has to wait for it.
class epoll_backend final : public reactor_over<epoll_backend> {
  public:
    static result<std::unique_ptr<backend>> make(thread_pool* pool);
    ~epoll_backend() override;

    const char* name() const noexcept override { return "epoll"; }
    void ring() noexcept override { rung_.ring(); }

    using event = epoll_event;
    std::span<const event> wait(std::int64_t deadline) noexcept;
    static io_place& place_of(const event& e) noexcept { return *static_cast<io_place*>(e.data.ptr); }
    static bool is_input(const event& e) noexcept { return e.events == EPOLLIN; }
    static bool is_input_and_room(const event& e) noexcept { return e.events == (EPOLLIN | EPOLLOUT); }
    static io_event told_by(const event& e) noexcept;
    static long receive(int fd, void* to, std::size_t n) noexcept {
        return sys::receive(fd, to, n, MSG_DONTWAIT);
    }

  private:
    static constexpr int batch = 256;

    epoll_backend(int ep, bell&& rung, thread_pool* pool) noexcept;
    std::int64_t watch(io_place& place, bool output) noexcept override;

    int epoll_;
    bell rung_;
    bool precise_ = true; // the kernel has epoll_pwait2
    event events_[batch];
};

} // namespace weft

// The back-end that is always there: epoll for what one can wait for, a pool of threads for the rest.
#pragma once

#include <cstdint>

#include <weft/ports/linux/backend.hpp>
#include <weft/ports/linux/epoll_place.hpp>
#include <weft/ports/linux/pooled.hpp>
#include <weft/ports/linux/sys.hpp>

namespace weft {

// Each descriptor is registered once, edge-triggered; for output from the first time on that something has to wait for it.
// What is known of its readiness decides whether a system call is tried at once: after a short transfer on a byte stream
// nothing is left, and the next edge will tell (epoll(7), question 9).
class epoll_backend final : public backend {
  public:
    static result<std::unique_ptr<backend>> make(thread_pool* pool);
    ~epoll_backend() override;

    const char* name() const noexcept override { return "epoll"; }
    bool submit(io_operation& op) noexcept override;
    void cancel(io_operation& op) noexcept override;
    void poll(std::int64_t deadline) noexcept override;
    void ring() noexcept override;
    // What waits for readiness is not counted: nothing of it may be finished only if there never was any.
    bool idle() const noexcept override { return !used_; }
    bool needs_no_poll() const noexcept override { return !used_; }

  private:
    static constexpr int batch = 256;
    // What settle() has found.
    struct settled {
        bool ended; // the operation has its outcome
        bool more;  // there may be more to be had
    };

    epoll_backend(int ep, int bell, thread_pool* pool) noexcept;

    bool submit_to_pool(io_operation& op) noexcept;
    bool submit_waiting(io_operation& op, int side) noexcept;
    bool submit_to_wait(io_operation& op, io_place& e, int side) noexcept;
    io_place* known(const io_handle& on) noexcept;
    long register_descriptor(io_handle& on, io_place*& made, bool for_output) noexcept;
    settled settle(io_operation& op, const io_place* e, int side, std::int64_t outcome) noexcept;
    static void now_known(io_place& e, int side, bool more) noexcept;
    void drain(io_place& e, int side, std::int64_t outcome) noexcept;
    template <bool one_queue>
    void take_events(const epoll_event* at, const epoll_event* end, run_queue& queue) noexcept;
    void on_event(const epoll_event& event) noexcept;
    void take_from_pool() noexcept;
    long wait(std::int64_t deadline) noexcept;

    int epoll_;
    int bell_;
    place_table places_;
    bool used_ = false;
    io_place place_of_bell_;
    bool precise_ = true; // the kernel has epoll_pwait2
    pooled_operations pooled_;
    epoll_event events_[batch];
};

} // namespace weft

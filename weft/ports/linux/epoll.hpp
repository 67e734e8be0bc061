// The back-end that is always there: epoll for what one can wait for, a pool of threads for the rest.
#pragma once

#include <cstdint>

#include <weft/ports/linux/backend.hpp>
#include <weft/ports/linux/pooled.hpp>
#include <weft/ports/linux/sys.hpp>

namespace weft {

// What the process knows of each descriptor number: a count of how often it may have begun to mean something else.
// Numbers share counts; a count too many costs one system call. Any thread.
class descriptor_generations {
  public:
    static std::uint32_t of(int fd) noexcept { return at(fd).load(order::relaxed); }
    static void bump(int fd) noexcept { at(fd).fetch_add(1, order::relaxed); }

  private:
    static constexpr std::size_t count = 1 << 16;
    static atomic<std::uint32_t>& at(int fd) noexcept {
        return counts_[static_cast<unsigned>(fd) & (count - 1)];
    }
    static atomic<std::uint32_t> counts_[count];
};

// Each descriptor is registered once, edge-triggered for both directions. What is known of its readiness decides whether a
// system call is tried at once: after a short transfer on a byte stream nothing is left, and the next edge will tell
// (epoll(7), question 9).
class epoll_backend final : public backend {
  public:
    static result<std::unique_ptr<backend>> make(thread_pool* pool);
    ~epoll_backend() override;

    const char* name() const noexcept override { return "epoll"; }
    bool submit(io_operation& op) noexcept override;
    void cancel(io_operation& op) noexcept override;
    void poll(std::int64_t deadline) noexcept override;
    void ring() noexcept override;
    bool idle() const noexcept override { return in_flight_ == 0; }

  private:
    enum readiness : std::uint8_t {
        can_read = 1,
        can_write = 2,
        sticky = 4, // hung up, in error, or with urgent data: a short transfer says nothing
    };
    struct queue {
        io_operation* head = nullptr;
        io_operation* tail = nullptr;
    };
    struct entry {
        std::uint32_t generation = 0;
        std::uint8_t ready = 0;
        bool registered = false;
        queue sides[2];
    };
    static constexpr int batch = 256;

    epoll_backend(int ep, int bell, thread_pool* pool) noexcept;

    bool submit_slowly(io_operation& op) noexcept;
    bool submit_to_pool(io_operation& op) noexcept;
    bool submit_waiting(io_operation& op, int side) noexcept;
    bool wait_for(io_operation& op, entry& e, int side) noexcept;
    entry* known(int fd) noexcept;
    bool enter(int fd, entry*& e) noexcept;
    long register_descriptor(int fd, entry& e) noexcept;
    bool attempt(io_operation& op, entry* e, int side) noexcept;
    bool settle(io_operation& op, entry* e, int side, std::int64_t outcome) noexcept;
    void drain(entry& e, int side) noexcept;
    void complete(io_operation& op) noexcept;
    void take_from_pool() noexcept;
    long wait(std::int64_t deadline) noexcept;

    static void append(queue& q, io_operation& op) noexcept;
    static void remove(queue& q, io_operation& op) noexcept;

    int epoll_;
    int bell_;
    entry* entries_ = nullptr; // by descriptor
    std::size_t capacity_ = 0;
    std::size_t in_flight_ = 0;
    bool precise_ = true; // the kernel has epoll_pwait2
    pooled_operations pooled_;
    epoll_event events_[batch];
};

} // namespace weft

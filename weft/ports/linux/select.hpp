// The back-end over select(2): the oldest way to wait for descriptors, and the one with the narrowest limit.
#pragma once

#include <vector>

#include <weft/ports/host/reactor.hpp>
#include <weft/ports/linux/sys.hpp>
#include <weft/ports/linux/waiting.hpp>

namespace weft {

// As poll_backend. Descriptors with numbers from FD_SETSIZE (1,024) on cannot be waited for: an operation on one that would
// have to wait yields errc::limit_exceeded. Numbers count, and not how many are waited for.
class select_backend final : public reactor_over<select_backend> {
  public:
    // Errors: limit_exceeded if the process has so many descriptors open that the bell's own number is beyond.
    static result<std::unique_ptr<backend>> make(thread_pool* pool);
    ~select_backend() override { await_pool(); }

    const char* name() const noexcept override { return "select"; }
    void ring() noexcept override { rung_.ring(); }

    struct event {
        io_place* place;
        io_event told;
    };
    std::span<const event> wait(std::int64_t deadline) noexcept;
    static io_place& place_of(const event& e) noexcept { return *e.place; }
    static bool is_input(const event& e) noexcept { return !e.told.writable && !e.told.error; }
    static bool is_input_and_room(const event&) noexcept { return false; }
    static io_event told_by(const event& e) noexcept { return e.told; }
    static long receive(int fd, void* to, std::size_t n) noexcept {
        return sys::receive(fd, to, n, MSG_DONTWAIT);
    }

  private:
    select_backend(bell&& rung, thread_pool* pool);
    std::int64_t watch(io_place& place, bool output) noexcept override;
    std::size_t find_closed() noexcept;

    bell rung_;
    std::vector<io_place*> places_; // that were ever watched
    std::vector<event> events_;     // has room for each of them, and for the bell
};

} // namespace weft

#include <weft/ports/host/backend.hpp>

#include <string_view>

#include <weft/core/atomic.hpp>
#include <weft/ports/host/log.hpp>
#include <weft/ports/linux/epoll.hpp>
#include <weft/ports/linux/poll.hpp>
#include <weft/ports/linux/select.hpp>
#include <weft/ports/linux/sys.hpp>
#include <weft/ports/linux/uring.hpp>

namespace weft {

namespace {

enum : std::uint32_t { not_probed, has_uring, no_uring };
atomic<std::uint32_t> probed{not_probed};

void log_choice(atomic<std::uint32_t>& said, const char* choice, const char* reason) noexcept {
    if (said.exchange(1, order::relaxed) == 0)
        log_line(log_level::notice, "io: ", std::string_view(choice), " (", std::string_view(reason), ")");
}

atomic<std::uint32_t> said_forced{0};
atomic<std::uint32_t> said_chosen{0};

// Those that a user can ask for by name. `reason` says, after a failure, what the kernel had against it.
struct choice {
    std::string_view name;
    const char* spelled; // as people write it
    result<std::unique_ptr<backend>> (*make)(thread_pool* pool, const char*& reason);
};
template <class Readiness>
result<std::unique_ptr<backend>> make_readiness(thread_pool* pool, const char*& reason) {
    result<std::unique_ptr<backend>> made = Readiness::make(pool);
    if (!made) reason = made.error().message();
    return made;
}
constexpr choice choices[] = {
    {"uring", "io_uring", [](thread_pool* pool, const char*& why) { return uring_backend::make(pool, why); }},
    {"epoll", "epoll", &make_readiness<epoll_backend>},
    {"poll", "poll", &make_readiness<poll_backend>},
    {"select", "select", &make_readiness<select_backend>},
};

result<std::unique_ptr<backend>> make_forced(std::string_view name, std::string_view source,
                                             thread_pool* pool) {
    for (const choice& c : choices) {
        if (name != c.name) continue;
        const char* reason = "";
        result<std::unique_ptr<backend>> made = c.make(pool, reason);
        if (made) {
            log_choice(said_forced, c.spelled, "forced");
            return made;
        }
        log_line(log_level::error, "io: ", source, " asks for ", std::string_view(c.spelled),
                 ", which is not to be had: ", std::string_view(reason));
        return failure(error(errc::not_supported, made.error().native()));
    }
    log_line(log_level::error, "io: ", source, " asks for \"", name,
             "\", which is no back-end: uring, epoll, poll or select");
    return failure(errc::invalid_argument);
}

} // namespace

result<std::unique_ptr<backend>> make_backend(const backend_options& options) {
    sys::ignore_broken_pipes();
    if (options.force) return make_forced(options.force, "the program", options.pool);
    const char* variable = sys::environment("WEFT_IO");
    if (variable && *variable) return make_forced(variable, "WEFT_IO", options.pool);

    if (probed.load(order::relaxed) != no_uring) {
        const char* reason = "";
        result<std::unique_ptr<backend>> made = uring_backend::make(options.pool, reason);
        if (made) {
            log_choice(said_chosen, "io_uring", reason);
            probed.store(has_uring, order::relaxed);
            return made;
        }
        log_choice(said_chosen, "epoll, since there is no io_uring", reason);
        // Too few descriptors or too little memory for one ring more says nothing about the next.
        if (probed.load(order::relaxed) == not_probed) probed.store(no_uring, order::relaxed);
    }
    return epoll_backend::make(options.pool);
}

} // namespace weft

#include <weft/ports/linux/backend.hpp>

#include <string_view>

#include <weft/core/atomic.hpp>
#include <weft/ports/linux/epoll.hpp>
#include <weft/ports/linux/log.hpp>
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

result<std::unique_ptr<backend>> make_forced(std::string_view name, std::string_view source,
                                             thread_pool* pool) {
    if (name == "epoll") {
        log_choice(said_forced, "epoll", "forced");
        return epoll_backend::make(pool);
    }
    if (name != "uring") {
        log_line(log_level::error, "io: ", source, " asks for \"", name,
                 "\", which is no back-end: uring or epoll");
        return failure(errc::invalid_argument);
    }
    const char* reason = "";
    result<std::unique_ptr<backend>> made = uring_backend::make(pool, reason);
    if (made) {
        log_choice(said_forced, "io_uring", "forced");
        return made;
    }
    log_line(log_level::error, "io: ", source,
             " asks for io_uring, which is not to be had: ", std::string_view(reason));
    return failure(error(errc::not_supported, made.error().native()));
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

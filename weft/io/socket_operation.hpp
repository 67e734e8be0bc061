// accept and connect, for every kind of stream socket.
#pragma once

#include <weft/core/result.hpp>
#include <weft/io/descriptor.hpp>
#include <weft/io/host.hpp>

namespace weft {

// Yields a `Stream`, made from the descriptor of the new connection.
template <class Stream>
class [[nodiscard("co_await it")]] accept_operation : public host_operation<accept_operation<Stream>> {
    using base = host_operation<accept_operation<Stream>>;

  public:
    explicit accept_operation(descriptor& listener) noexcept : base(accepting, io_code::accept, listener) {}

    result<Stream> await_resume() noexcept {
        if (io_operation::outcome < 0) return failure(host::error_of(io_operation::outcome));
        return Stream(descriptor(static_cast<native_handle>(io_operation::outcome)));
    }

  private:
    static constexpr leaf_kind accepting{"accept", &base::request_cancel};
};

// Owns the socket until it is connected, and yields a `Stream` made from it.
template <class Stream>
class [[nodiscard("co_await it")]] connect_operation : public host_operation<connect_operation<Stream>> {
    using base = host_operation<connect_operation<Stream>>;

  public:
    connect_operation(const endpoint& to, const endpoint& from) noexcept
        : base(connecting, io_code::connect, nullptr), to_(to), from_(from) {}

    bool start(branch& b, continuation& then) noexcept {
        if (!b.stopping()) {
            if (result<void> r = prepare(); !r) {
                problem_ = r.error();
                return this->finish_now(b, then);
            }
        }
        return base::start(b, then);
    }
    result<Stream> await_resume() noexcept {
        if (problem_ != errc::none) return failure(problem_);
        if (io_operation::outcome < 0) {
            socket_.reset();
            return failure(host::error_of(io_operation::outcome));
        }
        return Stream(std::move(socket_));
    }

  private:
    result<void> prepare() noexcept {
        if (to_.family() == endpoint::kind::none) return failure(errc::invalid_argument);
        result<native_handle> opened = host::open_socket(to_.family(), socket_type::stream);
        if (!opened) return failure(opened.error());
        socket_ = descriptor(*opened);
        if (to_.is_ip())
            if (auto r = host::set_option(socket_.native(), socket_option::no_delay, 1); !r) return r;
        if (from_.family() != endpoint::kind::none)
            if (auto r = host::bind(socket_.native(), from_); !r) return r;
        host::to_native(to_, address_);
        this->on = &socket_.io();
        this->data = address_.bytes;
        this->size = address_.size;
        return {};
    }
    static constexpr leaf_kind connecting{"connect", &base::request_cancel};

    endpoint to_;
    endpoint from_;
    native_address address_;
    descriptor socket_;
    error problem_;
};

} // namespace weft

// Descriptors that travel through a Unix socket along with bytes.
#pragma once

#include <array>
#include <span>

#include <weft/core/result.hpp>
#include <weft/io/descriptor.hpp>
#include <weft/io/host.hpp>

namespace weft {

// What receive_with_descriptors() yields.
struct received_descriptors {
    received_descriptors() noexcept {}
    std::size_t size = 0;        // bytes in the buffer
    std::size_t descriptors = 0; // how many were stored
    bool truncated =
        false; // there were more descriptors than room, or the process has no more; the rest is closed
};

class [[nodiscard("co_await it")]] send_descriptors_operation
    : public host_operation<send_descriptors_operation> {
  public:
    send_descriptors_operation(descriptor& on, std::span<const std::byte> bytes,
                               std::span<const descriptor* const> sent) noexcept
        : host_operation(sending, io_code::send_message, on, nullptr, 1),
          buffer_(const_cast<std::byte*>(bytes.data()), bytes.size()), sent_(sent) {}

    bool start(branch& b, continuation& then) noexcept {
        // A message without bytes would not carry them.
        if (sent_.size() > host::max_handles || (buffer_.size == 0 && !sent_.empty())) {
            refused_ = true;
            return finish_now(b, then);
        }
        native_handle handles[host::max_handles];
        for (std::size_t i = 0; i < sent_.size(); ++i) handles[i] = sent_[i]->native();
        message_.buffers = &buffer_;
        message_.buffer_count = 1;
        message_.handles = room_;
        host::pack_handles(message_, std::span(handles, sent_.size()));
        data = &message_;
        return host_operation::start(b, then);
    }
    result<std::size_t> await_resume() noexcept {
        if (refused_) return failure(errc::invalid_argument);
        return number();
    }

  private:
    static constexpr leaf_kind sending{"send", &request_cancel};

    mutable_buffer buffer_;
    std::span<const descriptor* const> sent_;
    io_message message_;
    bool refused_ = false;
    alignas(8) std::byte room_[host::handle_room];
};

class [[nodiscard("co_await it")]] receive_descriptors_operation
    : public host_operation<receive_descriptors_operation> {
  public:
    receive_descriptors_operation(descriptor& on, std::span<std::byte> to,
                                  std::span<descriptor> descriptors) noexcept
        : host_operation(receiving, io_code::receive_message, on, nullptr, 1), buffer_(to),
          descriptors_(descriptors) {}

    bool start(branch& b, continuation& then) noexcept {
        message_.buffers = &buffer_;
        message_.buffer_count = 1;
        message_.handles = room_;
        message_.handles_size = sizeof room_;
        data = &message_;
        return host_operation::start(b, then);
    }
    result<received_descriptors> await_resume() noexcept {
        if (outcome < 0) return failure(host::error_of(outcome));
        native_handle handles[host::max_handles];
        std::size_t room = descriptors_.size() < host::max_handles ? descriptors_.size() : host::max_handles;
        received_descriptors r;
        r.size = static_cast<std::size_t>(outcome);
        r.descriptors = host::unpack_handles(message_, std::span(handles, room));
        r.truncated = message_.handles_truncated;
        for (std::size_t i = 0; i < r.descriptors; ++i) descriptors_[i] = descriptor(handles[i]);
        return r;
    }

  private:
    static constexpr leaf_kind receiving{"receive", &request_cancel};

    mutable_buffer buffer_;
    std::span<descriptor> descriptors_;
    io_message message_;
    alignas(8) std::byte room_[host::handle_room];
};

} // namespace weft

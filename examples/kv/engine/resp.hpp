// The Redis serialization protocol: requests in, replies out.
#pragma once

#include "buffer.hpp"

namespace kv {

using arguments = std::span<const text>;

// Reads requests where they stand in the connection's buffer: the arguments are views into it.
class request_parser {
  public:
    struct limits {
        std::size_t line = 64 * 1024; // an inline request, or a length
        std::size_t bulk = std::size_t{512} << 20;
        std::size_t arguments = 1024 * 1024;
    };
    enum class status { complete, partial, failed };

    request_parser(arena& memory, const limits& l) : memory_{memory}, limits_{l} {}
    ~request_parser() { memory_.deallocate(more_); }
    request_parser(const request_parser&) = delete;
    request_parser& operator=(const request_parser&) = delete;

    // Looks for one request at `data`, which must start with the first byte that was not consumed; it may have moved
    // and grown since the last call. An inline request is unquoted in place. An empty request is complete, without
    // arguments.
    status parse(char* data, std::size_t size);

    // After `complete`: valid until the bytes go, or the next call.
    arguments args() const { return {views_, count_}; }
    std::size_t consumed() const { return at_; }
    // After `failed`: an error reply, and the connection can't go on.
    text error() const { return error_.view; }
    // After `partial`: how many more bytes are needed at least. A hint for reserving the room of a large value.
    std::size_t missing() const { return missing_; }

  private:
    struct message {
        char bytes[64];
        text view;
    };
    status start(char* data, std::size_t size);
    status parse_inline(char* data, std::size_t size);
    status fail(text what, char detail = 0);
    status short_of(std::size_t bytes) {
        missing_ = bytes;
        return status::partial;
    }
    bool reserve_views(std::size_t count);
    // The number in the line at at_, whose first byte is a type mark. Null text: the line isn't whole yet.
    text line(const char* data, std::size_t size) const;

    static constexpr std::size_t few = 16;

    arena& memory_;
    const limits& limits_;
    const char* base_ = nullptr; // where the request stood at the last call
    std::size_t at_ = 0;         // parsed so far
    std::size_t expected_ = 0;   // arguments of the request under way
    std::size_t count_ = 0;
    std::size_t bulk_ = no_bulk; // length of the argument under way
    std::size_t missing_ = 1;
    bool busy_ = false;
    text few_[few];
    text* more_ = nullptr; // instead of few_, for requests with many arguments
    std::size_t more_size_ = 0;
    text* views_ = few_;
    message error_{};
    static constexpr std::size_t no_bulk = SIZE_MAX;
};

// A request as it goes to the log or into a transaction's queue.
void append_request(byte_buffer& out, arguments args);
inline void append_request(byte_buffer& out, std::initializer_list<text> args) {
    append_request(out, arguments{args.begin(), args.size()});
}

// Writes replies in protocol 2 or 3 to a connection's output.
class reply {
  public:
    reply(byte_buffer& out, unsigned protocol) : out_{out}, resp3_{protocol == 3} {}

    void raw(text s) { out_.append(s); }
    void simple(text s) { framed('+', s); }
    void ok() { raw("+OK\r\n"); }
    // The text starts with the error's code, such as ERR. Line ends in it become spaces.
    void error(text s) { error_of(s); }
    template <class... Parts> void error_of(Parts... parts) {
        begin_error();
        (error_part(parts), ...);
        end_error();
    }
    void begin_error() {
        failed_ = true;
        raw("-");
    }
    void error_part(text s);
    void end_error() { raw("\r\n"); }
    void integer(std::int64_t v) { framed(':', digits{v}); }
    void bulk(text s);
    void bulk(std::int64_t v) { bulk(digits{v}.view()); }
    void null() { raw(resp3_ ? "_\r\n"sv : "$-1\r\n"sv); }
    void null_array() { raw(resp3_ ? "_\r\n"sv : "*-1\r\n"sv); }
    void array(std::size_t n) { header('*', n); }
    void set(std::size_t n) { header(resp3_ ? '~' : '*', n); }
    void map(std::size_t pairs) { header(resp3_ ? '%' : '*', resp3_ ? pairs : pairs * 2); }
    void push(std::size_t n) { header(resp3_ ? '>' : '*', n); }
    void verbatim(text s); // text for people

    // For aggregates whose length is known only at their end: remember mark(), append, then close.
    std::size_t mark() const { return out_.size(); }
    void close_array(std::size_t mark, std::size_t n) { close(mark, '*', n); }
    void move_to_front(std::size_t mark,
                       std::size_t from); // what was appended since `from`, 64 bytes at most
    void close_set(std::size_t mark, std::size_t n) { close(mark, resp3_ ? '~' : '*', n); }

    bool resp3() const { return resp3_; }
    bool failed() const { return failed_; } // an error was written
    byte_buffer& out() { return out_; }

  private:
    void header(char type, std::size_t n) { framed(type, digits{std::uint64_t{n}}); }
    void close(std::size_t mark, char type, std::size_t n);
    void framed(char type, text s);

    byte_buffer& out_;
    bool resp3_;
    bool failed_ = false;
};

} // namespace kv

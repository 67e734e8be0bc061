#include "resp.hpp"

namespace kv {

using status = request_parser::status;

status request_parser::fail(text what, char detail) {
    char* to = error_.bytes;
    for (text part : {text{"ERR Protocol error: "}, what, detail ? text{&detail, 1} : text{},
                      text{"'", detail ? 1u : 0u}}) {
        if (!part.empty()) std::memcpy(to, part.data(), part.size());
        to += part.size();
    }
    error_.view = {error_.bytes, static_cast<std::size_t>(to - error_.bytes)};
    return status::failed;
}

bool request_parser::reserve_views(std::size_t count) {
    if (views_ == few_ && count <= few) return true;
    if (views_ == more_ && count <= more_size_) return true;
    if (count > more_size_) {
        std::size_t want = std::max(2 * count, 2 * more_size_);
        void* grown = memory_.resize(more_, want * sizeof(text));
        if (!grown) return false;
        more_ = static_cast<text*>(grown);
        more_size_ = want;
    }
    if (views_ == few_) std::memcpy(static_cast<void*>(more_), few_, sizeof few_);
    views_ = more_;
    return true;
}

// As Redis does, the byte behind '\r' is taken for the '\n' that it should be.
text request_parser::line(const char* data, std::size_t size) const {
    std::size_t from = at_ + 1;
    if (from >= size) return {};
    auto end = static_cast<const char*>(std::memchr(data + from, '\r', size - from));
    if (!end || static_cast<std::size_t>(end - data) + 2 > size) return {};
    return {data + from, static_cast<std::size_t>(end - data) - from};
}

status request_parser::start(char* data, std::size_t size) {
    at_ = count_ = expected_ = 0;
    bulk_ = no_bulk;
    views_ = few_;
    if (more_size_ > 1024) { // one huge request shall not cost memory for ever
        memory_.deallocate(std::exchange(more_, nullptr));
        more_size_ = 0;
    }
    if (size == 0) return short_of(1);
    if (data[0] != '*') return parse_inline(data, size);
    text length = line(data, size);
    if (!length.data()) {
        if (size > limits_.line) return fail("too big mbulk count string");
        return short_of(1);
    }
    at_ = length.size() + 3;
    if (at_ > limits_.line) return fail("too big mbulk count string");
    auto n = parse_integer(length);
    if (!n || *n > static_cast<std::int64_t>(limits_.arguments)) return fail("invalid multibulk length");
    if (*n <= 0) return status::complete;
    expected_ = static_cast<std::size_t>(*n);
    busy_ = true;
    return status::partial;
}

status request_parser::parse(char* data, std::size_t size) {
    if (!busy_) {
        if (status s = start(data, size); !busy_) return s;
    } else if (base_ != data) {
        for (std::size_t i = 0; i < count_; ++i)
            views_[i] = {data + (views_[i].data() - base_), views_[i].size()};
    }
    base_ = data;
    while (count_ < expected_) {
        if (bulk_ == no_bulk) {
            if (at_ == size) return short_of(1);
            // The line first, as Redis: its end decides before its mark.
            text length = line(data, size);
            if (!length.data()) {
                if (size - at_ > limits_.line) return fail("too big bulk count string");
                return short_of(1);
            }
            if (length.size() + 3 > limits_.line) return fail("too big bulk count string");
            if (data[at_] != '$') return fail("expected '$', got '", data[at_]);
            auto n = parse_integer(length);
            if (!n || *n < 0 || *n > static_cast<std::int64_t>(limits_.bulk))
                return fail("invalid bulk length");
            bulk_ = static_cast<std::size_t>(*n);
            at_ += length.size() + 3;
        }
        if (size < at_ || size - at_ < bulk_ + 2) return short_of(at_ + bulk_ + 2 - size);
        // Grown as the arguments come in: a client that announces a million pays nothing in advance.
        if (!reserve_views(count_ + 1)) return fail("out of memory");
        views_[count_++] = {data + at_, bulk_};
        at_ += bulk_ + 2;
        bulk_ = no_bulk;
    }
    busy_ = false;
    return status::complete;
}

namespace {

constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = fold(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// One word, perhaps with quoted parts, unquoted in place (what is written never overtakes what is read). Moves `p`
// behind it; a null text for quotes that don't close, or close in front of something else than space.
text unquote(char*& p, char* end) {
    char *word = p, *to = p, quote = 0;
    for (;; ++p) {
        if (p == end) return quote ? text{} : text{word, static_cast<std::size_t>(to - word)};
        if (!quote) {
            if (is_space(*p)) return {word, static_cast<std::size_t>(to - word)};
            if (*p == '"' || *p == '\'')
                quote = *p;
            else
                *to++ = *p;
        } else if (*p == quote) {
            if (++p != end && !is_space(*p)) return {};
            return {word, static_cast<std::size_t>(to - word)};
        } else if (*p == '\\' && end - p > 1 && (quote == '"' || p[1] == '\'')) {
            ++p;
            if (quote == '"' && *p == 'x' && end - p > 2 && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0) {
                *to++ = static_cast<char>(hex_digit(p[1]) * 16 + hex_digit(p[2]));
                p += 2;
            } else {
                char c = *p;
                if (quote == '"')
                    c = c == 'n'   ? '\n'
                        : c == 'r' ? '\r'
                        : c == 't' ? '\t'
                        : c == 'b' ? '\b'
                        : c == 'a' ? '\a'
                                   : c;
                *to++ = c;
            }
        } else {
            *to++ = *p;
        }
    }
}

} // namespace

status request_parser::parse_inline(char* data, std::size_t size) {
    auto newline = static_cast<char*>(std::memchr(data, '\n', size));
    if (!newline) {
        if (size > limits_.line) return fail("too big inline request");
        return short_of(1);
    }
    at_ = static_cast<std::size_t>(newline - data) + 1;
    if (at_ > limits_.line) return fail("too big inline request");
    char* end = newline > data && newline[-1] == '\r' ? newline - 1 : newline;
    for (char* p = data;;) {
        while (p < end && is_space(*p)) ++p;
        if (p == end) return status::complete;
        text word = unquote(p, end);
        if (!word.data()) return fail("unbalanced quotes in request");
        if (!reserve_views(count_ + 1)) return fail("out of memory");
        views_[count_++] = word;
    }
}

namespace {

char* put(char* to, text s) {
    if (!s.empty()) std::memcpy(to, s.data(), s.size());
    return to + s.size();
}
char* put_bulk(char* to, text s) {
    *to++ = '$';
    to = put(put(to, digits{std::uint64_t{s.size()}}), "\r\n");
    return put(put(to, s), "\r\n");
}
constexpr std::size_t frame = 26; // type, 20 digits, two line ends

} // namespace

void append_request(byte_buffer& out, arguments args) {
    std::size_t size = frame;
    for (text a : args) size += a.size() + frame;
    char* to = out.room(size);
    if (!to) return out.fail();
    char* from = to;
    *to++ = '*';
    to = put(put(to, digits{std::uint64_t{args.size()}}), "\r\n");
    for (text a : args) to = put_bulk(to, a);
    out.commit(static_cast<std::size_t>(to - from));
}

void reply::bulk(text s) {
    char* to = out_.room(s.size() + frame);
    if (!to) return out_.fail();
    out_.commit(static_cast<std::size_t>(put_bulk(to, s) - to));
}

void reply::framed(char type, text s) {
    char* to = out_.room(s.size() + 3);
    if (!to) return out_.fail();
    *to = type;
    put(put(to + 1, s), "\r\n");
    out_.commit(s.size() + 3);
}

void reply::error_part(text s) {
    std::size_t from = out_.size();
    raw(s);
    for (std::size_t i = from; i < out_.size(); ++i)
        if (char& c = out_.data()[i]; c == '\r' || c == '\n') c = ' ';
}

void reply::verbatim(text s) {
    if (!resp3_) return bulk(s);
    framed('=', digits{std::uint64_t{s.size() + 4}});
    raw("txt:");
    raw(s);
    raw("\r\n");
}

// The length goes in front of what it counts.
void reply::close(std::size_t mark, char type, std::size_t n) {
    std::size_t end = out_.size();
    header(type, n);
    move_to_front(mark, end);
}

void reply::move_to_front(std::size_t mark, std::size_t from) {
    char part[64];
    std::size_t size = out_.size() - from;
    if (out_.failed()) return;
    std::memcpy(part, out_.data() + from, size);
    std::memmove(out_.data() + mark + size, out_.data() + mark, from - mark);
    std::memcpy(out_.data() + mark, part, size);
}

} // namespace kv

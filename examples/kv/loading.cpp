#include "loading.hpp"

#include "log.hpp"

#include <algorithm>

#include <weft/core/ok.hpp>
#include <weft/core/time.hpp>
#include <weft/core/yield.hpp>

namespace kv {

using namespace std::chrono_literals;
using weft::failure, weft::ok, weft::result, weft::task;

namespace {

constexpr std::size_t read_size = 1 << 20;

// Executes the requests of records.
struct replay {
    replay(engine& to, arena& memory) : kv{to}, who{memory}, parser{memory, unlimited} {
        kv.db.replaying = true;
    }
    ~replay() { kv.db.replaying = false; }

    // Some of the requests, from `at` on, which moves; clients are answered between two calls. False: one fails.
    bool some(text requests, std::size_t& at) {
        for (int left = 1000; left && at < requests.size(); --left, at += parser.consumed()) {
            // Requests in RESP are not changed by the parser.
            auto status = parser.parse(const_cast<char*>(requests.data()) + at, requests.size() - at);
            if (status != request_parser::status::complete) return false;
            kv.execute(who, parser.args());
            if (who.out.view().starts_with('-')) {
                log_error("A command of the log fails: %.*s (is --memory less than it was?)",
                          static_cast<int>(who.out.size() - 2), who.out.data());
                return false;
            }
            who.out.clear();
        }
        return true;
    }

    static constexpr request_parser::limits unlimited{SIZE_MAX / 4, SIZE_MAX / 4, SIZE_MAX / 64};
    engine& kv;
    session who;
    request_parser parser;
};

} // namespace

task<result<std::optional<log_file>>> load_log(engine& kv, arena& memory, storage& where, storage::log file,
                                               std::uint64_t size, bool repair, const bool& closing) {
    using status = journal::reader::status;
    auto began = weft::clock::now(), reported = began;
    byte_buffer window{memory};
    const std::size_t piece = std::min(read_size, memory.capacity() / 8);
    std::uint64_t read = 0, good = 0; // how far the file is read, and how far it is known to be in order
    std::size_t at = 0;               // in the window: what is in front is done with

    // Makes the window hold `wanted` bytes behind `at`, or all that is left.
    auto fill = [&](std::size_t wanted) -> task<result<void>> {
        window.consume(std::exchange(at, 0));
        while (window.size() < wanted && read < size) {
            std::size_t count =
                std::min<std::uint64_t>(aligned(std::max(piece, wanted - window.size())), size - read);
            char* to = window.room(count);
            if (!to) {
                log_error("A record of %zu bytes does not fit into --log-memory", wanted);
                co_return failure(weft::errc::out_of_memory);
            }
            co_await ok(file.read_exact_at(std::as_writable_bytes(std::span{to, count}), read));
            window.commit(count);
            read += count;
        }
        co_return {};
    };

    co_await ok(fill(aligned(journal::header_size)));
    auto salt = journal::read_file_header(window.view());
    if (!salt) {
        log_error("%s is not a log of this server", where.name());
        co_return failure(weft::errc::invalid_argument);
    }
    good = at = aligned(journal::header_size);
    journal::reader reader{*salt, storage::alignment};
    replay execute{kv, memory};
    kv.server.loading_size = size;
    while (!closing) {
        status found = reader.next(slice(window.view(), at), read == size);
        if (found == status::record) {
            for (std::size_t done = 0; done < reader.contents().size();) {
                if (!execute.some(reader.contents(), done)) co_return failure(weft::errc::limit_exceeded);
                if (done < reader.contents().size()) co_await weft::yield();
            }
            at += reader.consumed();
            good += reader.consumed();
            kv.server.loaded_size = good;
        } else if (found == status::more) {
            co_await ok(fill(reader.wanted()));
        } else {
            break;
        }
        if (auto now = weft::clock::now(); now - reported >= 1s) {
            log_notice("Loading the log: %llu %% of %llu MB, %llu MB/s",
                       100 * static_cast<unsigned long long>(good) / size,
                       static_cast<unsigned long long>(size) / 1'000'000,
                       kilobytes(good) / static_cast<unsigned long long>(milliseconds_since(began)));
            reported = now;
        }
    }
    if (closing) co_return std::optional<log_file>();
    std::uint32_t next_sequence = reader.next_sequence();
    bool damaged = false;
    if (good < size) {
        status later = status::more;
        while ((later = reader.find_later(slice(window.view(), at), read == size)) == status::more) {
            at += reader.consumed();
            co_await ok(fill(reader.wanted()));
        }
        damaged = later == status::record;
        co_await ok(where.cut_off(file, {good, size, damaged, repair}));
    }
    log_notice("Loaded %llu keys from %llu kB of log in %lld ms",
               static_cast<unsigned long long>(kv.db.size()), kilobytes(good), milliseconds_since(began));
    std::optional<log_file> log(std::in_place, *salt, next_sequence);
    log->file = std::move(file);
    log->size = log->synced = kv.server.log_size = kv.server.log_base_size = good;
    co_return log;
}

} // namespace kv

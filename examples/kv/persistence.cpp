#include "persistence.hpp"

#include "log.hpp"

#include <weft/core/ok.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/yield.hpp>
#include <weft/io/directory.hpp>

#include <filesystem>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>

namespace kv {

using namespace std::chrono_literals;
using weft::failure, weft::ok, weft::result, weft::task;

namespace {

constexpr std::size_t read_size = 1 << 20;
constexpr std::uint64_t sync_every = 8 << 20; // of a new log, so that no sync is a long one
constexpr std::size_t rewrite_step = 2000;    // values between two groups of records

std::span<const std::byte> bytes_of(text s) { return std::as_bytes(std::span{s.data(), s.size()}); }

std::uint64_t new_salt() {
    std::uint64_t salt = 0;
    if (getrandom(&salt, sizeof salt, 0) != sizeof salt)
        salt = static_cast<std::uint64_t>(weft::clock::now().time_since_epoch().count());
    return salt;
}

double megabytes(std::uint64_t n) { return static_cast<double>(n) / 1e6; }

} // namespace

task<result<void>> log_file::append(text contents) {
    if (contents.empty()) co_return {};
    journal::writer after = records; // a record that is not written whole has not used up its number
    journal::header head = after.frame(contents);
    weft::const_buffer parts[2] = {{std::as_bytes(std::span{head})}, {bytes_of(contents)}};
    co_await ok(file.write_all_at(std::span<weft::const_buffer>{parts}, size));
    records = after;
    size += head.size() + contents.size();
    co_return {};
}

task<result<void>> log_file::sync() {
    std::uint64_t until = size;
    co_await ok(file.sync_data());
    synced = until;
    co_return {};
}

persistence::persistence(engine& kv, arena& records, const options& o)
    : kv_{kv}, options_{o}, records_{records}, batch_{records}, sink_{kv.buffers(), journal::max_record},
      sink_batch_{kv.buffers(), journal::max_record} {}

std::string persistence::path(const char* suffix) const { return options_.directory + "/weft-kv" + suffix; }

// Two servers in one directory would each destroy what the other writes.
bool persistence::lock_directory() {
    std::error_code problem;
    std::filesystem::create_directories(options_.directory, problem);
    int fd = ::open(path(".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        log_error("The directory %s can't be used: %s", options_.directory.c_str(),
                  std::generic_category().message(errno).c_str());
        return false;
    }
    lock_ = weft::descriptor(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
    log_error("The directory %s is in use by another server", options_.directory.c_str());
    return false;
}

task<result<bool>> persistence::open() {
    if (!lock_directory()) co_return failure(weft::errc::busy);
    (void)co_await weft::remove(path(".log.new")); // of a rewrite that did not come to its end
    auto opened = co_await weft::file::open(path(".log"), weft::open_mode::read | weft::open_mode::write);
    result<void> done;
    if (opened) {
        auto size = co_await opened->size();
        if (size)
            done = co_await load(*opened, *size);
        else
            done = failure(size.error());
    } else if (opened.error() == weft::errc::not_found) {
        // A directory without a log gets one as a rewrite would make it: there whole, or not at all.
        done = co_await begin_rewrite();
        if (done) done = co_await finish_rewrite();
    } else {
        done = failure(opened.error());
    }
    if (!done) log_error("The log %s can't be used: %s", path(".log").c_str(), done.error().message());
    if (!done) co_return failure(done.error());
    kv_.log_wanted = kv_.server.log_enabled = log_.has_value();
    co_return log_.has_value();
}

// Executes the requests of records.
struct persistence::replay {
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

task<result<void>> persistence::load(weft::file& file, std::uint64_t size) {
    using status = journal::reader::status;
    auto began = weft::clock::now(), reported = began;
    byte_buffer window{records_};
    const std::size_t piece = std::min(read_size, records_.capacity() / 8);
    std::uint64_t read = 0, good = 0; // how far the file is read, and how far it is known to be in order
    std::size_t at = 0;               // in the window: what is in front is done with

    // Makes the window hold `wanted` bytes behind `at`, or all that is left.
    auto fill = [&](std::size_t wanted) -> task<result<void>> {
        window.consume(std::exchange(at, 0));
        while (window.size() < wanted && read < size) {
            std::size_t count = std::min<std::uint64_t>(std::max(piece, wanted - window.size()), size - read);
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

    co_await ok(fill(journal::header_size));
    auto salt = journal::read_file_header(window.view());
    if (!salt) {
        log_error("%s is not a log of this server", path(".log").c_str());
        co_return failure(weft::errc::invalid_argument);
    }
    good = at = journal::header_size;
    journal::reader reader{*salt};
    replay execute{kv_, records_};
    kv_.server.loading_size = size;
    while (!closing_) {
        status found = reader.next(slice(window.view(), at), read == size);
        if (found == status::record) {
            for (std::size_t done = 0; done < reader.contents().size();) {
                if (!execute.some(reader.contents(), done)) co_return failure(weft::errc::limit_exceeded);
                if (done < reader.contents().size()) co_await weft::yield();
            }
            at += reader.consumed();
            good += reader.consumed();
            kv_.server.loaded_size = good;
        } else if (found == status::more) {
            co_await ok(fill(reader.wanted()));
        } else {
            break;
        }
        if (auto now = weft::clock::now(); now - reported >= 1s) {
            log_notice("Loading the log: %.0f %% of %.0f MB, %.0f MB/s",
                       100.0 * static_cast<double>(good) / static_cast<double>(size), megabytes(size),
                       megabytes(good) / std::chrono::duration<double>(now - began).count());
            reported = now;
        }
    }
    if (closing_) co_return {};
    std::uint32_t next_sequence = reader.next_sequence();
    bool damaged = false;
    if (good < size) {
        status later = status::more;
        while ((later = reader.find_later(slice(window.view(), at), read == size)) == status::more) {
            at += reader.consumed();
            co_await ok(fill(reader.wanted()));
        }
        damaged = later == status::record;
        co_await ok(cut_off(file, good, size, damaged));
    }
    log_notice("Loaded %u keys from %.1f MB of log in %.1f s", kv_.db.size(), megabytes(good),
               std::chrono::duration<double>(weft::clock::now() - began).count());
    log_.emplace(*salt, next_sequence);
    log_->file = std::move(file);
    log_->size = log_->synced = kv_.server.log_size = kv_.server.log_base_size = good;
    co_return {};
}

// The file is in order up to `good`. What a crash leaves behind is the end of the last write; when there are whole records
// further on, something else has happened, and a person has to say what to do.
task<result<void>> persistence::cut_off(weft::file& file, std::uint64_t good, std::uint64_t size,
                                        bool damaged) {
    auto offset = static_cast<unsigned long long>(good), rest = static_cast<unsigned long long>(size - good);
    if (damaged && !options_.repair_log) {
        log_error("The log is damaged at byte %llu, and %llu bytes with good records stand behind that. "
                  "Restore the file from a "
                  "copy, or start with --repair-log, which keeps what stands before the damage",
                  offset, rest);
        co_return failure(weft::errc::io_error);
    }
    if (damaged) {
        std::error_code problem;
        std::filesystem::copy_file(path(".log"), path(".log.damaged"),
                                   std::filesystem::copy_options::overwrite_existing, problem);
        if (problem) {
            log_error("The damaged log could not be copied: %s", problem.message().c_str());
            co_return failure(weft::errc::io_error);
        }
        log_warning(
            "The log is damaged at byte %llu: cut there, as --repair-log says; the whole file is kept as %s",
            offset, path(".log.damaged").c_str());
    } else {
        log_warning(
            "The log ends in the middle of a record, as after a crash: the last %llu bytes are cut off",
            rest);
    }
    co_await ok(file.truncate(good));
    co_await ok(file.sync());
    co_return {};
}

task<bool> persistence::until_safe(group g) {
    while (!is_safe(g) && kv_.server.log_writable) {
        // Named: GCC 12.2 misplaces the frame of a coroutine that has nothing but temporaries in its conditions.
        result<void> came = co_await progress_.wait();
        if (!came) break;
    }
    co_return is_safe(g);
}

void persistence::fails(const char* doing, weft::error why) {
    if (std::exchange(kv_.server.log_writable, false))
        log_error("%s the log failed: %s. Commands that write are refused until it works again", doing,
                  why.message());
    kv_.server.log_error = why.message();
    progress_.set();
    progress_.reset();
}

// All of the last group, and so of those before.
void persistence::is_in_log() {
    safe_ = taken_;
    if (!std::exchange(kv_.server.log_writable, true)) log_notice("The log works again");
    progress_.set();
    progress_.reset();
}

task<bool> persistence::run() {
    result<void> done;
    auto body = [&](weft::scope& tasks) -> task<> {
        tasks_ = &tasks;
        done = co_await write_groups();
    };
    result<void> ended = co_await weft::with_scope(body);
    if (done) done = ended;
    if (!done) log_error("The last changes are not in the log: %s", done.error().message());
    co_return done.has_value();
}

task<result<void>> persistence::write_groups() {
    result<void> done;
    for (;;) {
        co_await wait_for_work();
        done = co_await commit();
        if (closing_) {
            bool synced = log_->synced == log_->size || !kv_.server.sync_at_end;
            bool clean = !doubtful_ && kv_.log.empty() && batch_.empty() && synced;
            if (!done || clean) break;
        } else if (!done) {
            (void)co_await weft::sleep_for(1s);
        }
    }
    if (fresh_) co_await weft::remove(path(".log.new"));
    co_return done;
}

task<> persistence::wait_for_work() {
    wants_rewrite();
    if (closing_ || fresh_ || doubtful_ || kv_.server.rewrite_requested || !kv_.log.empty() ||
        !batch_.empty()) {
        co_await weft::yield(); // those who have just been woken may add to the group
    } else if (log_->synced != log_->size && kv_.server.sync != sync_policy::no && !syncing_) {
        (void)co_await weft::timeout_at(sync_due_, work_.wait());
    } else {
        (void)co_await work_.wait();
    }
}

// One group of records, and one step of a rewrite.
task<result<void>> persistence::commit() {
    if (kv_.log.failed()) { // records are lost, the changes are not
        fails("Collecting records for", weft::errc::out_of_memory);
        doubtful_ = true;
        kv_.log.clear();
    }
    if (doubtful_ && !fresh_) batch_.clear(); // the new log begins with what these records have made
    if ((kv_.server.rewrite_requested || doubtful_) && !fresh_ && batch_.empty()) {
        result<void> begun = co_await begin_rewrite();
        if (!begun) co_await give_up_rewrite(begun.error());
        if (!begun && doubtful_) co_return begun;
    }
    if (batch_.empty()) {
        batch_.swap(kv_.log);
        ++taken_;
        // A snapshot that begins here has what is in this group already.
        batch_is_in_snapshot_ = fresh_ && !snapshot_;
        if (batch_is_in_snapshot_) snapshot_.emplace(kv_, sink_).begin();
    }
    if (!doubtful_) {
        co_await ok(write_group());
        if (!doubtful_) is_in_log(); // a sync beside this may have failed
    }
    if (fresh_ && !batch_is_in_snapshot_) {
        result<void> went_on = co_await continue_rewrite();
        if (!went_on) co_await give_up_rewrite(went_on.error());
        if (!went_on && doubtful_) co_return went_on;
    }
    batch_.clear();
    if (batch_.capacity() > read_size) batch_.release();
    if (!doubtful_ && !is_safe(taken_)) is_in_log();
    co_return {};
}

// Under "always" it is on the disk afterwards, under the others in the system's hands.
task<result<void>> persistence::write_group() {
    log_file& log = *log_;
    if (log.synced == log.size) sync_due_ = weft::clock::now() + 1s;
    if (result<void> written = co_await log.append(batch_.view()); !written) {
        fails("Writing", written.error());
        co_return written;
    }
    kv_.server.log_size = log.size;
    if (log.synced == log.size) co_return {};
    sync_policy policy = kv_.server.sync;
    if (policy == sync_policy::always || (closing_ && kv_.server.sync_at_end)) {
        co_await ok(other_sync());
        co_return co_await sync();
    }
    if (policy == sync_policy::everysec && !syncing_ && weft::clock::now() >= sync_due_) {
        syncing_ = true;
        tasks_->spawn(sync_beside());
    }
    co_return {};
}

// "everysec": no group, and no reply, waits for it.
task<> persistence::sync_beside() {
    (void)co_await sync();
    syncing_ = false;
    sync_ended_.set();
    work_.set();
}

task<result<void>> persistence::other_sync() {
    while (syncing_) co_await ok(sync_ended_.wait());
    co_return {};
}

task<result<void>> persistence::sync() {
    ++kv_.server.log_syncs;
    sync_due_ = weft::clock::now() + 1s;
    result<void> synced = co_await log_->sync();
    if (!synced) { // the system may have dropped the pages that it could not write, and will not say so again
        fails("Syncing", synced.error());
        doubtful_ = true;
    }
    co_return synced;
}

void persistence::wants_rewrite() {
    const log_file& log = *log_;
    std::uint64_t base = kv_.server.log_base_size, growth = options_.rewrite_growth;
    if (!growth || fresh_ || log.size < options_.rewrite_min_size || log.size < base + base / 100 * growth ||
        weft::clock::now() < next_rewrite_)
        return;
    kv_.server.rewrite_requested = true;
}

task<result<void>> persistence::begin_rewrite() {
    kv_.server.rewrite_requested = false;
    std::uint64_t salt = new_salt();
    auto mode = weft::open_mode::write | weft::open_mode::create | weft::open_mode::truncate;
    weft::file file = co_await ok(weft::file::open(path(".log.new"), mode));
    journal::header head = journal::file_header(salt);
    co_await ok(file.write_all_at(std::as_bytes(std::span{head}), 0));
    fresh_.emplace(salt);
    fresh_->file = std::move(file);
    fresh_->size = head.size();
    kv_.server.rewriting = true;
    rewrite_began_ = weft::clock::now();
    co_return {};
}

// The old values come before the records of the group that changes them: a key is given to the snapshot before its first
// change. So a new log needs no second pass for what happened while it was made.
task<result<void>> persistence::continue_rewrite() {
    auto status = snapshot_->step(rewrite_step);
    if (status == snapshot::status::failed) co_return failure(weft::errc::out_of_memory);
    if (status == snapshot::status::stale) { // FLUSHALL: what was written is of no use
        drop_snapshot();
        co_return co_await begin_rewrite();
    }
    sink_batch_.swap(sink_);
    co_await ok(fresh_->append(sink_batch_.view()));
    sink_batch_.clear();
    co_await ok(fresh_->append(batch_.view()));
    if (fresh_->size - fresh_->synced >= sync_every) co_await ok(fresh_->sync());
    if (status == snapshot::status::done) co_await ok(finish_rewrite());
    co_return {};
}

task<result<void>> persistence::finish_rewrite() {
    co_await ok(fresh_->sync());
    co_await ok(other_sync()); // of the old log, which goes
    co_await ok(weft::rename(path(".log.new"), path(".log")));
    weft::directory directory = co_await ok(weft::directory::open(options_.directory));
    co_await ok(directory.sync());
    auto from = static_cast<double>(log_ ? log_->size : 0), to = static_cast<double>(fresh_->size);
    if (snapshot_)
        log_notice("The log is rewritten: %.1f MB instead of %.1f MB, %llu keys, in %.1f s", to / 1e6,
                   from / 1e6, static_cast<unsigned long long>(snapshot_->keys_written()),
                   std::chrono::duration<double>(weft::clock::now() - rewrite_began_).count());
    drop_snapshot();
    std::swap(log_, fresh_);
    kv_.server.log_size = kv_.server.log_base_size = log_->size;
    kv_.server.rewriting = doubtful_ = false;
    kv_.server.rewrite_ok = true;
    if (fresh_) (void)co_await fresh_->file.close(); // the old one: to free its blocks may take a while
    fresh_.reset();
    co_return {};
}

task<> persistence::give_up_rewrite(weft::error why) {
    if (!doubtful_ || kv_.server.rewrite_ok) log_error("Rewriting the log failed: %s", why.message());
    drop_snapshot();
    kv_.server.rewriting = kv_.server.rewrite_ok = false;
    next_rewrite_ = weft::clock::now() + 60s;
    fresh_.reset();
    (void)co_await weft::remove(path(".log.new"));
}

void persistence::drop_snapshot() {
    snapshot_.reset();
    sink_.release();
    sink_batch_.release();
}

} // namespace kv

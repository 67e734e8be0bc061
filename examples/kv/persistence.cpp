#include "persistence.hpp"

#include "loading.hpp"
#include "log.hpp"

#include <weft/core/ok.hpp>
#include <weft/core/sleep.hpp>
#include <weft/core/timeout.hpp>
#include <weft/core/yield.hpp>

namespace kv {

using namespace std::chrono_literals;
using weft::failure, weft::ok, weft::result, weft::task;

namespace {

constexpr std::size_t kept_batch = 1 << 20;   // a larger buffer goes after its group
constexpr std::uint64_t sync_every = 8 << 20; // of a new log, so that no sync is a long one
constexpr std::size_t rewrite_step = 2000;    // values between two groups of records

} // namespace

persistence::persistence(engine& kv, arena& records, const settings& s, storage& where,
                         const hash_seed& salts)
    : kv_{kv}, settings_{s}, records_{records}, storage_{where}, salts_{salts}, batch_{records},
      sink_{kv.buffers(), journal::max_record}, sink_batch_{kv.buffers(), journal::max_record} {}

task<result<bool>> persistence::open() {
    if (!storage_.lock()) co_return failure(weft::errc::busy);
    auto opened = co_await storage_.open();
    result<void> done;
    if (opened) {
        auto size = co_await opened->size();
        result<std::optional<log_file>> loaded = failure(size ? weft::error() : size.error());
        if (size)
            loaded = co_await load_log(kv_, records_, storage_, std::move(*opened), *size,
                                       settings_.repair_log, closing_);
        if (loaded)
            log_ = std::move(*loaded);
        else
            done = failure(loaded.error());
    } else if (opened.error() == weft::errc::not_found) {
        // A storage without a log gets one as a rewrite would make it: there whole, or not at all.
        done = co_await begin_rewrite();
        if (done) done = co_await finish_rewrite();
    } else {
        done = failure(opened.error());
    }
    if (!done) log_error("The log %s can't be used: %s", storage_.name(), done.error().message());
    if (!done) co_return failure(done.error());
    kv_.log_wanted = kv_.server.log_enabled = log_.has_value();
    co_return log_.has_value();
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
    if (fresh_) co_await storage_.discard();
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
    if (batch_.capacity() > kept_batch) batch_.release();
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
    std::uint64_t base = kv_.server.log_base_size, growth = settings_.rewrite_growth;
    if (!growth || fresh_ || log.size < settings_.rewrite_min_size || log.size < base + base / 100 * growth ||
        weft::clock::now() < next_rewrite_)
        return;
    kv_.server.rewrite_requested = true;
}

// No client can guess one, and no two are the same.
std::uint64_t persistence::new_salt() {
    std::uint64_t number = ++salts_made_;
    return sip_hash({reinterpret_cast<const char*>(&number), sizeof number}, salts_);
}

task<result<void>> persistence::begin_rewrite() {
    kv_.server.rewrite_requested = false;
    std::uint64_t salt = new_salt();
    storage::log file = co_await ok(storage_.create());
    journal::header head = journal::file_header(salt);
    co_await ok(file.write_all_at(std::as_bytes(std::span{head}), 0));
    fresh_.emplace(salt);
    fresh_->file = std::move(file);
    fresh_->size = aligned(head.size());
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
    co_await ok(storage_.replace());
    if (snapshot_)
        log_notice("The log is rewritten: %llu kB instead of %llu kB, %llu keys, in %lld ms",
                   kilobytes(fresh_->size), kilobytes(log_ ? log_->size : 0),
                   static_cast<unsigned long long>(snapshot_->keys_written()),
                   milliseconds_since(rewrite_began_));
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
    co_await storage_.discard();
}

void persistence::drop_snapshot() {
    snapshot_.reset();
    sink_.release();
    sink_batch_.release();
}

} // namespace kv

// The log on disk: group commit, and the rewrite that keeps it short.
#pragma once

#include "engine/snapshot.hpp"
#include "log_file.hpp"
#include "settings.hpp"

#include <weft/core/event.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/task.hpp>
#include <weft/core/time.hpp>

#include <optional>

namespace kv {

// One task writes: it takes all records that the engine has by then, however many clients they come from, writes them at
// once, and syncs once. The records that come in meanwhile are the next group.
class persistence {
  public:
    persistence(engine& kv, arena& records, const settings& s, storage& where, const hash_seed& salts);

    // Locks the storage and fills the engine from the log, while clients may be told that it does so. False: close()
    // came before the end. Says in the log what is wrong.
    weft::task<weft::result<bool>> open();

    // Writes until close(), and then what is left. False: that did not work.
    weft::task<bool> run();
    void close() {
        closing_ = true;
        work_.set();
    }

    // After a batch of commands; cheap if they have changed nothing.
    void records_came() {
        if (!kv_.log.empty()) work_.set();
    }

    // A reply waits for the group that everything the client may have seen is in: until it is on the disk under
    // "always", and until it is written, so that the end of the process can't take it, under the others.
    using group = std::uint64_t;
    group last_group() const {
        return kv_.log_wanted && kv_.server.log_writable ? taken_ + !kv_.log.empty() : 0;
    }
    bool is_safe(group g) const { return g <= safe_; }
    // False: the log can't be written, and so that group may be lost.
    weft::task<bool> until_safe(group g);
    // Clients wait while too many records do.
    bool is_behind() const { return kv_.log.size() > records_.capacity() / 4 && kv_.server.log_writable; }
    // The end of the group that is being written.
    auto progress() { return progress_.wait(); }

  private:
    weft::task<weft::result<void>> write_groups();
    weft::task<> wait_for_work();
    weft::task<weft::result<void>> commit();
    weft::task<weft::result<void>> write_group();
    weft::task<weft::result<void>> sync();
    weft::task<> sync_beside();
    weft::task<weft::result<void>> other_sync(); // waits for the one beside, if there is one
    void fails(const char* doing, weft::error why);
    void is_in_log();

    void wants_rewrite();
    std::uint64_t new_salt();
    weft::task<weft::result<void>> begin_rewrite();
    weft::task<weft::result<void>> continue_rewrite();
    weft::task<weft::result<void>> finish_rewrite();
    weft::task<> give_up_rewrite(weft::error why);
    void drop_snapshot();

    engine& kv_;
    const settings& settings_;
    arena& records_;
    storage& storage_;
    hash_seed salts_;
    std::uint64_t salts_made_ = 0;
    std::optional<log_file> log_, fresh_; // fresh_: the shorter one, while it is made
    std::optional<snapshot> snapshot_;
    byte_buffer batch_;             // the group that is being written
    byte_buffer sink_, sink_batch_; // the same for the snapshot
    group taken_ = 0, safe_ = 0;
    bool batch_is_in_snapshot_ = false, closing_ = false, syncing_ = false;
    bool doubtful_ = false; // a sync failed: only a new log is good for anything
    weft::clock::time_point sync_due_{}, next_rewrite_{}, rewrite_began_{};
    weft::scope* tasks_ = nullptr;
    weft::local::auto_event work_, sync_ended_;
    weft::local::event progress_; // set and reset at once: whoever waits looks again
};

} // namespace kv

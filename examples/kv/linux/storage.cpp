#include "storage.hpp"

#include "log.hpp"

#include <weft/core/ok.hpp>
#include <weft/io/directory.hpp>

#include <filesystem>

#include <fcntl.h>
#include <sys/file.h>

namespace kv {

using weft::failure, weft::ok, weft::result, weft::task;

// Two servers in one directory would each destroy what the other writes.
bool storage::lock() {
    std::error_code problem;
    std::filesystem::create_directories(directory_, problem);
    int fd = ::open(path(".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        log_error("The directory %s can't be used: %s", directory_.c_str(),
                  std::generic_category().message(errno).c_str());
        return false;
    }
    lock_ = weft::descriptor(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
    log_error("The directory %s is in use by another server", directory_.c_str());
    return false;
}

task<result<weft::file>> storage::open() {
    co_await discard();
    co_return co_await weft::file::open(name_, weft::open_mode::read | weft::open_mode::write);
}

task<result<weft::file>> storage::create() {
    auto mode = weft::open_mode::write | weft::open_mode::create | weft::open_mode::truncate;
    co_return co_await weft::file::open(path(".log.new"), mode);
}

task<result<void>> storage::replace() {
    co_await ok(weft::rename(path(".log.new"), name_));
    weft::directory directory = co_await ok(weft::directory::open(directory_));
    co_return co_await directory.sync();
}

task<> storage::discard() { (void)co_await weft::remove(path(".log.new")); }

task<result<void>> storage::cut_off(weft::file& file, unreadable_end what) {
    auto offset = static_cast<unsigned long long>(what.good),
         rest = static_cast<unsigned long long>(what.size - what.good);
    if (what.damaged && !what.repair) {
        log_error("The log is damaged at byte %llu, and %llu bytes with good records stand behind that. "
                  "Restore the file from a "
                  "copy, or start with --repair-log, which keeps what stands before the damage",
                  offset, rest);
        co_return failure(weft::errc::io_error);
    }
    if (what.damaged) {
        std::error_code problem;
        std::filesystem::copy_file(name_, path(".log.damaged"),
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
    co_await ok(file.truncate(what.good));
    co_return co_await file.sync();
}

} // namespace kv

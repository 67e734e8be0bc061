// Where the log is: a file in a directory, and a second one beside it while a new log is made.
#pragma once

#include "unreadable_end.hpp"

#include <weft/core/task.hpp>
#include <weft/io/file.hpp>

#include <string>

namespace kv {

class storage {
  public:
    using log = weft::file;
    // Records begin at multiples of so many bytes.
    static constexpr std::size_t alignment = 1;

    explicit storage(const std::string& directory) : directory_{directory}, name_{path(".log")} {}

    // For this server alone. False: why stands in the log.
    bool lock();
    // The log, for reading and writing; errc::not_found if there is none yet. What was created and took nobody's place
    // is removed.
    weft::task<weft::result<log>> open();
    // An empty one beside it, for writing.
    weft::task<weft::result<log>> create();
    // The created one, which has been synced, takes the place of the log: all at once, and it is so when this returns.
    weft::task<weft::result<void>> replace();
    weft::task<> discard(); // the created one

    // What stands behind the last good record goes, before new ones are written there. What a crash leaves behind is the
    // end of the last write; when there are whole records further on, something else has happened, and a person has to say
    // what to do. Why it is refused stands in the log.
    weft::task<weft::result<void>> cut_off(log& file, unreadable_end what);

    const char* name() const { return name_.c_str(); } // of the log, for messages

  private:
    std::string path(const char* suffix) const { return directory_ + "/weft-kv" + suffix; }

    std::string directory_, name_;
    weft::descriptor lock_;
};

} // namespace kv

#include "log_file.hpp"

#include <weft/core/ok.hpp>

namespace kv {

using weft::ok, weft::result, weft::task;

task<result<void>> log_file::append(text contents) {
    if (contents.empty()) co_return {};
    journal::writer after = records; // a record that is not written whole has not used up its number
    journal::header head = after.frame(contents);
    weft::const_buffer parts[2] = {{std::as_bytes(std::span{head})}, {std::as_bytes(std::span{contents})}};
    co_await ok(file.write_all_at(std::span<weft::const_buffer>{parts}, size));
    records = after;
    size += aligned(head.size() + contents.size());
    co_return {};
}

task<result<void>> log_file::sync() {
    std::uint64_t until = size;
    co_await ok(file.sync_data());
    synced = until;
    co_return {};
}

} // namespace kv

// Files and directories: written so that a crash leaves the old content or the new one, read back, and listed.
//
//     guide-4-files <directory>
//
// Prints:
//     21 bytes: the fox and the hound
//     settings
#include <array>
#include <cstdio>
#include <string>
#include <string_view>

#include <weft/core/ok.hpp>
#include <weft/io/directory.hpp>
#include <weft/io/file.hpp>
#include <weft/runtime/run.hpp>

weft::task<weft::result<void>> replace(std::string folder, std::string name, std::string_view content) {
    std::string path = folder + "/" + name;
    std::string fresh = path + ".new";
    weft::open_mode how = weft::open_mode::write | weft::open_mode::create | weft::open_mode::truncate;
    weft::file f = co_await weft::ok(weft::file::open(fresh, how));
    co_await weft::ok(f.write_all_at(std::as_bytes(std::span(content)), 0));
    co_await weft::ok(f.sync_data()); // the bytes are on the medium, and only then get their name
    co_await weft::ok(f.close());
    co_await weft::ok(weft::rename(fresh, path));
    weft::directory d = co_await weft::ok(weft::directory::open(folder));
    co_await weft::ok(d.sync()); // and the name as well
    co_return {};
}

weft::task<weft::result<void>> show(std::string folder) {
    std::string path = folder + "/settings";
    weft::file f = co_await weft::ok(weft::file::open(path));
    std::string content(co_await weft::ok(f.size()), '\0');
    co_await weft::ok(f.read_exact_at(std::as_writable_bytes(std::span(content)), 0));
    std::printf("%zu bytes: %s\n", content.size(), content.c_str());

    weft::directory d = co_await weft::ok(weft::directory::open(folder));
    std::array<std::byte, 4096> buffer;
    for (;;) {
        auto entries = co_await d.list(buffer);
        if (!entries && entries.error() == weft::errc::end_of_file) co_return {};
        if (!entries) co_return weft::failure(entries.error());
        for (weft::directory_entry e; entries->next(e);)
            std::printf("%.*s\n", static_cast<int>(e.name.size()), e.name.data());
    }
}

weft::task<weft::result<void>> program(std::string folder) {
    co_await weft::ok(replace(folder, "settings", "the fox and the hound"));
    co_return co_await show(folder);
}

int main(int argc, char** argv) {
    if (argc != 2) return std::fprintf(stderr, "usage: guide-4-files <directory>\n"), 2;
    weft::result<void> done = weft::run(program(argv[1]));
    if (!done) std::fprintf(stderr, "guide-4-files: %s\n", done.error().message());
    return done ? 0 : 1;
}

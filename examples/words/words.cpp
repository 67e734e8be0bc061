// Counts words in all the files below a directory, with all the cores there are.
//
//     weft-words <directory>                            prints the ten most frequent words, and how many there are in all
//
// It shows scope.fork(): a task for each directory and file that is found, begun newest first, so that memory stays small,
// and stolen oldest first by workers that have nothing to do; a limit on open files; a result that each file's task adds
// under a mutex, once; and a directory that cannot be read as an error that ends the whole.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <weft/core/mutex.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/core/semaphore.hpp>
#include <weft/io/directory.hpp>
#include <weft/io/file.hpp>
#include <weft/runtime/run.hpp>

using counts = std::map<std::string, long, std::less<>>;

struct total {
    weft::mutex mutex;
    weft::semaphore open_files{64};
    counts words;
    long files = 0;
};

// A word may stand across the border of two reads: what is begun of it is kept in `word`.
void count(std::string_view text, std::string& word, counts& into) {
    for (char c : text) {
        if (std::isalnum(static_cast<unsigned char>(c))) {
            word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        } else if (!word.empty()) {
            ++into[word];
            word.clear();
        }
    }
}

weft::task<weft::result<void>> read_words(const std::string& path, counts& into) {
    weft::file f = co_await weft::ok(weft::file::open(path));
    std::vector<char> buffer(64 << 10); // in a frame it would be as large for every file that waits
    std::string word;
    for (;;) {
        std::size_t n = co_await weft::ok(f.read_some(std::as_writable_bytes(std::span(buffer))));
        count(std::string_view(buffer.data(), n), word, into);
        if (n == 0) break;
    }
    count(" ", word, into);
    co_return co_await f.close();
}

weft::task<weft::result<void>> count_file(std::string path, total& all) {
    counts own;
    co_await weft::ok(all.open_files.acquire());
    weft::result<void> done = co_await read_words(path, own);
    all.open_files.release();
    co_await weft::ok(std::move(done));
    auto held = co_await weft::ok(all.mutex.lock());
    for (auto& [word, n] : own) all.words[word] += n;
    ++all.files;
    co_return {};
}

weft::task<weft::result<void>> count_directory(std::string path, weft::scope& s, total& all) {
    weft::directory d = co_await weft::ok(weft::directory::open(path));
    std::array<std::byte, 4096> buffer;
    for (;;) {
        auto entries = co_await d.list(buffer);
        if (!entries && entries.error() == weft::errc::end_of_file) co_return {};
        if (!entries) co_return weft::failure(entries.error());
        for (weft::directory_entry e; entries->next(e);) {
            std::string inside = path + "/" + std::string(e.name);
            if (e.type == weft::file_type::directory) s.fork(count_directory(inside, s, all));
            if (e.type == weft::file_type::regular) s.fork(count_file(inside, all));
        }
    }
}

weft::task<weft::result<void>> count_all(std::string path, total& all) {
    auto body = [&](weft::scope& s) -> weft::task<> {
        s.fork(count_directory(path, s, all));
        co_return;
    };
    co_return co_await weft::with_scope(body);
}

int main(int argc, char** argv) {
    if (argc != 2) return std::fprintf(stderr, "usage: weft-words <directory>\n"), 2;
    total all;
    weft::runtime_options every_core;
    weft::result<void> done = weft::run(every_core, count_all(argv[1], all));
    if (!done) return std::fprintf(stderr, "weft-words: %s\n", done.error().message()), 1;
    std::vector<std::pair<long, std::string>> best;
    long sum = 0;
    for (auto& [word, n] : all.words) best.emplace_back(-n, word), sum += n;
    std::sort(best.begin(), best.end());
    for (std::size_t i = 0; i < best.size() && i < 10; ++i)
        std::printf("%8ld %s\n", -best[i].first, best[i].second.c_str());
    std::printf("%8ld words in %ld files\n", sum, all.files);
}

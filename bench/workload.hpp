// The command line of a benchmark's program: the name of a workload, then its numbers.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>

namespace measure {

// The numbers after the workload's name; one that was left out is 0.
class arguments {
  public:
    arguments(int count, char** words) : count_(count), words_(words) {}
    std::size_t operator[](int i) const { return i < count_ ? std::strtoull(words_[i], nullptr, 10) : 0; }
    bool all_numbers() const {
        for (int i = 0; i < count_; ++i)
            if (!*words_[i] || std::strspn(words_[i], "0123456789") != std::strlen(words_[i])) return false;
        return true;
    }
    int count() const { return count_; }

  private:
    int count_;
    char** words_;
};

struct workload {
    const char* usage; // "spawn N ALIVE [THREADS]"
    void (*run)(const arguments&);

    std::string_view name() const { return std::string_view(usage, std::strcspn(usage, " ")); }
    int needs() const {
        int words = 0;
        for (const char* at = usage; (at = std::strchr(at, ' ')); ++at) words += at[1] != '[';
        return words;
    }
};

[[noreturn]] inline void fail(const char* what) {
    std::fprintf(stderr, "%s\n", what);
    std::exit(1);
}
[[noreturn]] inline void fail_with_errno(const char* what) {
    std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
    std::exit(1);
}
// A program that computes something else than it should has no figure.
inline void expect(std::size_t got, std::size_t wanted, const char* what) {
    if (got == wanted) return;
    std::fprintf(stderr, "%s: %zu instead of %zu\n", what, got, wanted);
    std::exit(1);
}

inline int run_workload(int argc, char** argv, std::span<const workload> all) {
    arguments numbers(argc < 2 ? 0 : argc - 2, argv + 2);
    for (const workload& w : all) {
        if (argc < 2 || w.name() != argv[1] || numbers.count() < w.needs() || !numbers.all_numbers())
            continue;
        w.run(numbers);
        return 0;
    }
    std::fprintf(stderr, "usage: one of\n");
    for (const workload& w : all) std::fprintf(stderr, "  %s %s\n", argv[0], w.usage);
    return 2;
}

} // namespace measure

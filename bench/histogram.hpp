// Latencies: a histogram with 64 steps an octave, so that a percentile is right to 1.6 %.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <string>

namespace measure {

class histogram {
  public:
    void add(std::uint64_t nanoseconds) {
        ++counts_[index(nanoseconds)];
        ++total_;
    }
    void clear() {
        counts_.fill(0);
        total_ = 0;
    }
    std::uint64_t total() const { return total_; }
    // Microseconds below which the share `part` of all lies; 0 without any.
    double microseconds(double part) const {
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (seen && static_cast<double>(seen) >= part * static_cast<double>(total_))
                return middle(i) / 1e3;
        }
        return 0;
    }
    // Members of a line of JSON, with a comma before each.
    std::string members() const {
        char text[160];
        std::snprintf(text, sizeof text, ",\"p50_us\":%.3f,\"p99_us\":%.3f,\"p999_us\":%.3f,\"samples\":%llu",
                      microseconds(0.5), microseconds(0.99), microseconds(0.999),
                      static_cast<unsigned long long>(total_));
        return text;
    }

  private:
    static constexpr int step_bits = 6;
    static std::size_t index(std::uint64_t v) {
        if (v < (1u << step_bits)) return v;
        int shift = std::bit_width(v) - step_bits - 1;
        return (static_cast<std::size_t>(shift) << step_bits) + (v >> shift);
    }
    static double middle(std::size_t i) {
        if (i < (2u << step_bits)) return static_cast<double>(i);
        std::size_t shift = (i >> step_bits) - 1, step = (i & ((1u << step_bits) - 1)) + (1u << step_bits);
        return (static_cast<double>(step) + 0.5) * static_cast<double>(std::uint64_t{1} << shift);
    }

    std::array<std::uint64_t, (65 - step_bits) << step_bits> counts_{};
    std::uint64_t total_ = 0;
};

} // namespace measure

#include "journal.hpp"
#include "testing.hpp"

#include <random>

namespace kv::journal {
namespace {

constexpr std::uint64_t salt = 0x1234567890abcdef;

std::string file_of(const std::vector<std::string>& records, std::size_t alignment = 1) {
    header h = file_header(salt);
    std::string file(h.begin(), h.end());
    auto fill = [&] { file.resize((file.size() + alignment - 1) / alignment * alignment); };
    fill();
    writer w{salt};
    for (auto& r : records) {
        h = w.frame(r);
        file.append(h.begin(), h.end());
        file += r;
        fill();
    }
    return file;
}

struct outcome_of_reading {
    std::vector<std::string> records;
    std::size_t good = 0; // bytes of the file up to the end of the last whole record
    reader::status end{};
    bool later = false; // there is a record behind the broken place
};

// Reads as the server does: a window that grows to what the reader wants, over a file that comes in small pieces.
outcome_of_reading read(const std::string& file, std::size_t piece, std::size_t alignment = 1) {
    outcome_of_reading result;
    auto found = read_file_header(file);
    EXPECT_EQ(found, salt);
    reader r{*found, alignment};
    std::size_t from = std::max(header_size, alignment), to = from;
    bool broken = false;
    for (;;) {
        text window = slice(file, from, to - from);
        bool last = to == file.size();
        reader::status s = broken ? r.find_later(window, last) : r.next(window, last);
        if (s == reader::status::record && broken) {
            result.later = true;
            return result;
        }
        if (s == reader::status::record) {
            result.records.emplace_back(r.contents());
            from += r.consumed();
            result.good = from;
        } else if (s == reader::status::more) {
            EXPECT_FALSE(last);
            if (broken) from += r.consumed();
            to = std::min(file.size(), std::max({to + piece, from + (broken ? r.wanted() : 0)}));
        } else if (s == reader::status::broken) {
            result.end = s;
            broken = true;
        } else {
            if (!broken) result.end = s;
            return result;
        }
    }
}

std::vector<std::string> sample() {
    std::vector<std::string> records;
    std::mt19937 random{1};
    for (int i = 0; i < 12; ++i) {
        std::string r;
        for (unsigned k = random() % 300; k; --k) r += static_cast<char>(random());
        records.push_back(r);
    }
    return records;
}

TEST(journal, reads_what_was_written) {
    auto records = sample();
    std::string file = file_of(records);
    for (std::size_t piece : {1, 7, 100, 100000}) {
        auto result = read(file, piece);
        EXPECT_EQ(result.records, records);
        EXPECT_EQ(result.end, reader::status::end);
        EXPECT_EQ(result.good, file.size());
    }
    EXPECT_FALSE(read_file_header("REDIS0011......."));
    EXPECT_FALSE(read_file_header(slice(file, 0, 15)));
}

// A crash leaves a beginning of what was written, perhaps with rubbish in place of the rest.
TEST(journal, a_torn_tail_is_no_damage) {
    auto records = sample();
    std::string file = file_of(records);
    std::vector<std::size_t> ends{header_size};
    for (auto& r : records) ends.push_back(ends.back() + header_size + r.size());
    for (std::size_t cut = header_size; cut < file.size(); ++cut) {
        std::size_t whole = 0;
        while (ends[whole + 1] <= cut) ++whole;
        for (int rubbish = 0; rubbish < 3; ++rubbish) {
            std::string torn = file.substr(0, cut);
            if (rubbish == 1) torn += std::string(file.size() - cut, '\0');
            if (rubbish == 2) torn += std::string(50, '\x77');
            if (torn == file) continue;
            auto result = read(torn, 64);
            ASSERT_EQ(result.records,
                      std::vector(records.begin(), records.begin() + static_cast<long>(whole)));
            ASSERT_FALSE(result.later) << cut;
            bool exactly = torn.size() == ends[whole];
            ASSERT_EQ(result.end, exactly ? reader::status::end : reader::status::broken);
        }
    }
}

TEST(journal, a_changed_byte_in_the_middle_is_damage) {
    auto records = sample();
    std::string file = file_of(records);
    std::size_t last = file.size() - header_size - records.back().size();
    for (std::size_t at = header_size; at < last; ++at) {
        std::string damaged = file;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        auto result = read(damaged, 64);
        ASSERT_EQ(result.end, reader::status::broken) << at;
        ASSERT_TRUE(result.later) << at;
        ASSERT_LE(result.good, at);
    }
}

TEST(journal, records_begin_blocks_where_the_medium_has_them) {
    constexpr std::size_t block = 64;
    auto records = sample();
    std::string file = file_of(records, block);
    std::string area = file + std::string(10 * block, '\0'); // never written
    for (std::size_t piece : {std::size_t{1}, block, std::size_t{100000}}) {
        auto result = read(area, piece, block);
        EXPECT_EQ(result.records, records);
        EXPECT_EQ(result.good, file.size());
        EXPECT_FALSE(result.later);
        std::string damaged = area;
        damaged[2 * block + 1] ^= 1;
        result = read(damaged, piece, block);
        EXPECT_LE(result.good, 2 * block);
        EXPECT_TRUE(result.later);
        damaged = area;
        damaged[file.size() - block + 1] ^= 1; // of the last record, or behind its end
        EXPECT_FALSE(read(damaged, piece, block).later);
    }
}

TEST(journal, a_missing_or_doubled_record_is_damage) {
    auto records = sample();
    std::string file = file_of(records);
    std::size_t first = header_size + records[0].size(), at = header_size;
    std::string missing = file.substr(0, at) + file.substr(at + first);
    EXPECT_TRUE(read(missing, 64).later);
    EXPECT_TRUE(read(missing, 64).records.empty());
    std::string doubled = file.substr(0, at + first) + file.substr(at);
    EXPECT_EQ(read(doubled, 64).records.size(), 1u);
    EXPECT_TRUE(read(doubled, 64).later);
}

// Somebody stores a value that is a record of some log. In this log it is none, since the salt is another one.
TEST(journal, values_are_not_mistaken_for_records) {
    writer other{salt + 1, 1};
    std::string value = "SET something";
    header h = other.frame(value);
    std::string file = file_of({"first", std::string(h.begin(), h.end()) + value});
    file.pop_back(); // torn
    auto result = read(file, 64);
    EXPECT_EQ(result.records.size(), 1u);
    EXPECT_FALSE(result.later);
}

} // namespace
} // namespace kv::journal

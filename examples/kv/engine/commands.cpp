#include "engine.hpp"

namespace kv {

namespace commands {

// The functions, one a family's file each.
#define COMMAND(function, name, arity, flags, first, last, step) void function(call&);
#include "commands.inc"
#undef COMMAND

} // namespace commands

namespace {

constexpr std::uint16_t flag_of(char letter) {
    switch (letter) {
    case 'w': return command::write;
    case 'r': return command::readonly;
    case 'm': return command::denyoom;
    case 'F': return command::fast;
    case 'a': return command::admin;
    case 'p': return command::pubsub;
    case 'b': return command::blocking;
    case 'c': return command::container;
    case 't': return command::in_transaction;
    case 'x': return command::not_queued;
    case 's': return command::subscribed;
    case 'l': return command::loading;
    default: return 0;
    }
}

constexpr kind kind_of(char letter) {
    switch (letter) {
    case 'T': return kind::string;
    case 'H': return kind::hash;
    case 'L': return kind::list;
    case 'S': return kind::set;
    default: return kind::other;
    }
}

consteval command row(text name, int arity, text flags, int first, int last, int step, void (*run)(call&)) {
    command c;
    for (std::size_t i = 0; i < name.size(); ++i) {
        c.words[i / 8] |= static_cast<std::uint64_t>(static_cast<unsigned char>(name[i])) << i % 8 * 8;
        c.name[i] = name[i];
        if (name[i] == '|') c.flags |= command::subcommand;
    }
    c.name_size = static_cast<std::uint8_t>(name.size());
    c.arity = static_cast<std::int8_t>(arity);
    for (char f : flags) {
        c.flags |= flag_of(f);
        if (kind_of(f) != kind::other) c.key_kind = kind_of(f);
    }
    c.first_key = static_cast<std::int8_t>(first);
    c.last_key = static_cast<std::int8_t>(last);
    c.key_step = static_cast<std::int8_t>(step);
    c.run = run;
    return c;
}

constexpr command table_of_commands[] = {
#define COMMAND(function, name, arity, flags, first, last, step)                                             \
    row(name, arity, flags, first, last, step, commands::function),
#include "commands.inc"
#undef COMMAND
};
constexpr std::size_t command_count = std::size(table_of_commands);
static_assert(command_count < 255);

// Open addressing over a table four times as large: nearly every command is found at the first look.
constexpr std::size_t slots = 512;
constexpr std::size_t slot_of(const std::uint64_t* words) {
    std::uint64_t h = (words[0] ^ words[1] * 0x9e3779b97f4a7c15 ^ words[2]) * 0xd6e8feb86659fd93;
    return h >> 55;
}
constexpr auto command_index = [] {
    std::array<std::uint8_t, slots> found{};
    for (std::size_t i = 0; i < command_count; ++i) {
        std::size_t at = slot_of(table_of_commands[i].words);
        while (found[at]) at = (at + 1) % slots;
        found[at] = static_cast<std::uint8_t>(i + 1);
    }
    return found;
}();

} // namespace

const command* find_command(text name, text subcommand) {
    std::size_t size = name.size() + (subcommand.empty() ? 0 : subcommand.size() + 1);
    if (size > command::max_name) return nullptr;
    std::uint64_t words[command::max_name / 8] = {};
    std::size_t i = 0;
    auto add = [&](char c) {
        words[i / 8] |= std::uint64_t{static_cast<unsigned char>(c)} << i % 8 * 8;
        ++i;
    };
    for (char c : name) add(fold(c));
    if (!subcommand.empty()) add('|');
    for (char c : subcommand) add(fold(c));
    for (std::size_t at = slot_of(words);; at = (at + 1) % slots) {
        if (!command_index[at]) return nullptr;
        const command& c = table_of_commands[command_index[at] - 1];
        if (c.words[0] == words[0] && c.words[1] == words[1] && c.words[2] == words[2])
            return c.is(command::subcommand) == !subcommand.empty() ? &c : nullptr;
    }
}

std::span<const command> all_commands() { return table_of_commands; }

} // namespace kv

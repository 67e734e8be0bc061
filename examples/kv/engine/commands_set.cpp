#include "engine.hpp"

namespace kv::commands {

namespace {

enum class operation : std::uint8_t { intersection, union_of, difference };

// The sets of a SINTER, SUNION or SDIFF; keys that don't exist are empty sets.
class operands {
  public:
    operands(call& c, std::size_t first) : c_{c}, first_{first} {}

    // False, with the error replied, if one of them is something else.
    bool check() {
        for (std::size_t i = first_; i < c_.size(); ++i) {
            place p;
            if (!c_.find(p, i, kind::set)) return false;
        }
        return true;
    }

    // For a command that is logged as it stands: a log that is being rewritten must have the sources before it.
    void preserve() {
        for (std::size_t i = first_; i < c_.size(); ++i)
            if (place p = c_.db.find(c_[i])) c_.db.edit(p.at);
    }

    // Visits each member of the result once, until `visit` says false.
    template <class Visit> bool each(operation what, Visit&& visit) {
        std::size_t start = first_;
        if (what == operation::intersection) { // from the smallest
            for (std::size_t i = first_; i < c_.size(); ++i) {
                if (!set(i)) return true;
                if (set(i)->size() < set(start)->size()) start = i;
            }
        }
        bool good = true;
        std::size_t last = what == operation::union_of ? c_.size() : start + 1;
        for (std::size_t i = start; i < last; ++i) {
            table* members = set(i);
            if (!members) continue;
            members->each([&](node* m) {
                bool in = true;
                // A union gives what no earlier set has given, the others look at all sets but their own.
                std::size_t end = what == operation::union_of ? i : c_.size();
                for (std::size_t other = first_; good && in && other < end; ++other) {
                    if (other == i) continue;
                    table* t = set(other);
                    in = (t && t->find(m->key(), m->hash)) == (what == operation::intersection);
                }
                if (good && in) good = visit(m);
            });
        }
        return good;
    }

  private:
    table* set(std::size_t i) {
        node* n = c_.db.keys().find(c_[i], c_.db.hash(c_[i]));
        return n ? n->payload<table*>() : nullptr;
    }
    call& c_;
    std::size_t first_;
};

void combine(call& c, operation what) {
    operands sets{c, 1};
    if (!sets.check()) return;
    std::size_t mark = c.out.mark(), count = 0;
    sets.each(what, [&](node* m) {
        c.out.bulk(m->key());
        ++count;
        return true;
    });
    c.out.close_set(mark, count);
}

void combine_and_store(call& c, operation what) {
    operands sets{c, 2};
    if (!sets.check()) return;
    sets.preserve();
    auto& memory = c.db.memory();
    auto* result = make<table>(memory, memory);
    bool complete = result && sets.each(what, [&](node* m) {
        node* copy = make_node(memory, m->key(), m->hash, 0);
        if (copy && result->insert(copy)) return true;
        memory.deallocate(copy);
        return false;
    });
    std::int64_t count = complete ? result->size() : 0;
    place p = c.db.find(c[1]);
    if (complete && count) {
        complete = c.db.put_collection(p, kind::set, result);
        if (complete) result = nullptr;
    } else if (complete && p) {
        c.db.remove(p);
        c.touch(p);
    }
    destroy(memory, result);
    if (!complete) return c.no_memory();
    if (count) c.touch(p);
    c.out.integer(count);
}

node* random_member(call& c, table& members) {
    return members.random([&] { return c.db.random(); });
}

} // namespace

void sadd(call& c) {
    std::int64_t added = c.add_parts(c.key, kind::set, c.args.subspan(2), 1);
    if (added < 0) return c.no_memory();
    if (added) c.touch(c.key);
    c.out.integer(added);
}

void smismember(call& c) {
    c.out.array(c.size() - 2);
    for (text member : c.args.subspan(2)) c.out.integer(c.part(c.key, member) != nullptr);
}

void smembers(call& c) {
    c.out.set(c.key ? c.key.as<table>().size() : 0);
    if (c.key) c.key.as<table>().each([&](node* m) { c.out.bulk(m->key()); });
}

void spop(call& c) {
    if (c.size() > 3) return c.syntax();
    bool many = c.size() == 3;
    std::int64_t count = 1;
    if (many && !c.count(2, count)) return;
    place p;
    if (!c.find(p, 1, kind::set)) return;
    if (!p) return many ? c.out.set(0) : c.out.null();
    auto& members = p.as<table>();
    count = std::min<std::int64_t>(count, members.size());
    if (many) c.out.set(static_cast<std::size_t>(count));
    if (!count) return;
    c.db.edit(p.at);
    if (count == members.size()) c.log("DEL", c[1]);
    bool all = c.logged;
    for (; count; --count) {
        node* m = random_member(c, members);
        c.out.bulk(m->key());
        if (!all) c.log("SREM", c[1], m->key()); // chance is not repeatable
        members.erase(m);
    }
    c.touch(p);
    c.drop_if_empty(p);
}

void srandmember(call& c) {
    if (c.size() > 3) return c.syntax();
    std::int64_t count = 1;
    bool many = c.size() == 3;
    if (many && !c.integer(2, count)) return;
    if (count == INT64_MIN)
        return c.out.error(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
    place p;
    if (!c.find(p, 1, kind::set)) return;
    if (!many) return p ? c.out.bulk(random_member(c, p.as<table>())->key()) : c.out.null();
    if (!p || !count) return c.out.array(0);
    auto& members = p.as<table>();
    if (count < 0) { // with repetitions
        c.out.array(static_cast<std::size_t>(-count));
        for (; count && !c.out.out().failed(); ++count) c.out.bulk(random_member(c, members)->key());
        return;
    }
    // Distinct ones: each member in turn is taken with the chance that makes all choices equally likely (Knuth's
    // selection sampling, "The Art of Computer Programming" 3.4.2, algorithm S).
    std::uint64_t left = members.size(), wanted = std::min(static_cast<std::uint64_t>(count), left);
    c.out.array(static_cast<std::size_t>(wanted));
    if (wanted == 1) return c.out.bulk(random_member(c, members)->key());
    members.each([&](node* m) {
        if ((c.db.random() & 0xffffffff) * left-- >> 32 >= wanted) return;
        c.out.bulk(m->key());
        --wanted;
    });
}

void smove(call& c) {
    place &from = c.key, to;
    if (!from) return c.out.integer(0);
    if (!c.find(to, 2, kind::set)) return;
    node* m = c.part(from, c[3]);
    if (!m || c[1] == c[2]) return c.out.integer(m != nullptr);
    if (c.add_parts(to, kind::set, c.args.subspan(3), 1) < 0) return c.no_memory();
    c.db.edit(from.at);
    from.as<table>().erase(m);
    c.touch(from);
    c.touch(to);
    c.drop_if_empty(from);
    c.out.integer(1);
}

void sinter(call& c) { combine(c, operation::intersection); }
void sunion(call& c) { combine(c, operation::union_of); }
void sdiff(call& c) { combine(c, operation::difference); }
void sinterstore(call& c) { combine_and_store(c, operation::intersection); }
void sunionstore(call& c) { combine_and_store(c, operation::union_of); }
void sdiffstore(call& c) { combine_and_store(c, operation::difference); }

} // namespace kv::commands

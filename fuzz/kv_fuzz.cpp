// Any requests to a small store: no crash, no error of memory, nothing left over, and a log that says the same again.

#include "../examples/kv/engine/snapshot.hpp"

#include <cstdlib>
#include <string>

namespace {

using namespace kv;

// Static: to ask for memory would be most of the work.
alignas(8) std::byte regions[6][1 << 16];

class region {
  public:
    explicit region(std::byte (&bytes)[1 << 16]) : bytes_{bytes}, arena_{bytes_} {}
#ifdef KV_POISON
    ~region() { __asan_unpoison_memory_region(bytes_.data(), bytes_.size()); }
#endif
    operator arena&() { return arena_; }

  private:
    std::span<std::byte> bytes_;
    arena arena_;
};

// A store that two clients talk to, or that a log is replayed into.
class world {
  public:
    explicit world(int number)
        : data{regions[number]}, buffers{regions[number + 1]}, records{regions[number + 2]},
          kv{data, buffers, records, {1, 2}}, clients{session{buffers}, session{buffers}} {
        kv.db.now = 1'000'000'000;
        for (session& c : clients) kv.attach(c);
    }
    ~world() {
        for (session& c : clients) kv.detach(c);
        kv.db.clear();
        if (static_cast<arena&>(data).used() != 0) abort();
    }
    // Returns what came before the first error of the protocol.
    std::string run(std::string requests) {
        std::string log;
        request_parser parser{buffers, kv.limit.request};
        bool second = false;
        for (std::size_t at = 0; at < requests.size(); at += parser.consumed()) {
            if (parser.parse(requests.data() + at, requests.size() - at) != request_parser::status::complete)
                break;
            session& c = clients[second];
            if (!kv.db.replaying && parser.args().size() == 1 && parser.args()[0] == "@") second = !second;
            if (c.blocked()) kv.give_up_waiting(c);
            kv.execute(c, parser.args());
            for (session& each : clients) each.out.clear();
            if (kv.log.failed()) abort();
            log += kv.log.view();
            kv.log.clear();
            kv.db.now += kv.db.replaying ? 0 : 7;
        }
        return log;
    }
    // A snapshot shows the whole state, in an order that depends on how it came about: only its sum is comparable.
    std::uint64_t sum() {
        std::uint64_t all = 0;
        kv.db.keys().each([&](node* n) {
            std::uint64_t s = sip_hash(n->key(), {1, static_cast<std::uint64_t>(n->deadline())});
            if (n->type == kind::string) {
                s = sip_hash(n->value(), {s, 0});
            } else if (n->type == kind::list) {
                auto& l = *n->payload<list*>();
                for (auto at = l.first(); at; at = l.next(at)) s = sip_hash(l.value(at), {s, 1});
            } else {
                std::uint64_t parts = 0;
                n->payload<table*>()->each(
                    [&](node* p) { parts += sip_hash(p->value(), {sip_hash(p->key(), {2, 2}), s}); });
                s += parts;
            }
            all += s;
        });
        return all;
    }

    region data, buffers, records;
    engine kv;
    session clients[2];
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 4096) return 0;
    world first{0}, again{3};
    first.kv.log_wanted = true;
    // The size limit keeps replies and values within the small regions most of the time.
    first.kv.limit.request.bulk = again.kv.limit.request.bulk = 1 << 13;
    std::string log = first.run({reinterpret_cast<const char*>(data), size});
    again.kv.db.replaying = true;
    again.run(log);
    if (first.sum() != again.sum()) abort();
    return 0;
}

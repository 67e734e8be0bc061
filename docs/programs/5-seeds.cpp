// Testing that no order of events is taken for granted: on the hand port with the seeded machine, which gives ready tasks their
// turns in any order that scheduling allows, a seed naming the order.
//
// Prints:
//     the hasty one: a seed finds it out, and once more when it is tried again
//     the patient one: right under 1000 seeds
#include <cstdint>
#include <cstdio>

#include <weft/core/event.hpp>
#include <weft/core/ok.hpp>
#include <weft/core/scope.hpp>
#include <weft/ports/hand/hand.hpp>

struct shop {
    bool stocked = false;
    weft::event opened;
};

weft::task<> stock(shop& s) {
    s.stocked = true;
    s.opened.set();
    co_return;
}

// Begins after stock(), since it is spawned after it: in the order of the queue, and in no other.
weft::task<weft::result<void>> hasty_sale(shop& s) {
    if (!s.stocked) co_return weft::failure(weft::errc::not_found);
    co_return {};
}

weft::task<weft::result<void>> patient_sale(shop& s) {
    co_await weft::ok(s.opened.wait());
    co_return co_await hasty_sale(s);
}

template <auto sale> weft::task<weft::result<void>> day() {
    shop s;
    auto body = [&](weft::scope& tasks) -> weft::task<> {
        tasks.spawn(stock(s));
        tasks.spawn(sale(s));
        co_return;
    };
    co_return co_await weft::with_scope(body);
}

template <auto sale> bool succeeds_under(std::uint64_t seed) {
    weft::hand::seed(seed);
    return weft::hand::run(day<sale>()).has_value();
}

// The first seed under which a day goes wrong; 0 if none of so many does.
template <auto sale> std::uint64_t failing_seed(std::uint64_t most) {
    for (std::uint64_t seed = 1; seed <= most; ++seed)
        if (!succeeds_under<sale>(seed)) return seed;
    return 0;
}

int main() {
    std::uint64_t found = failing_seed<hasty_sale>(1000);
    bool again = found != 0 && !succeeds_under<hasty_sale>(found);
    std::printf("the hasty one: %s\n",
                again ? "a seed finds it out, and once more when it is tried again" : "nothing was found");
    std::uint64_t wrong = failing_seed<patient_sale>(1000);
    std::printf("the patient one: %s\n", wrong ? "wrong" : "right under 1000 seeds");
}

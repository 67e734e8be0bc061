#include <weft/core/machine/team.hpp>

#include <weft/core/machine/choice.hpp>
#include <weft/core/machine/stealing.hpp>

namespace weft {

void team_member::join(team& t, std::size_t index) noexcept {
    team_ = &t;
    bit_ = std::uintptr_t{1} << index;
    t.members[index] = this;
    if (t.count <= index) t.count = index + 1;
}

void team_member::offer_surplus(std::size_t most) noexcept {
    if (!offer_.empty()) return;
    if (job* oldest = take_surplus(*this, most)) {
        offer_.put(*oldest);
        offered_ = true;
    }
}

bool team_member::take_back() noexcept {
    offered_ = false;
    job* oldest = offer_.take();
    if (oldest) adopt(*this, oldest);
    return oldest;
}

bool team_member::steal() {
    if (offered_ && take_back()) return true;
    std::size_t first = seeded ? pick(team_->count) : victim_;
    for (std::size_t i = 0; i < team_->count; ++i) {
        std::size_t index = (first + i) % team_->count;
        team_member* victim = team_->members[index];
        if (victim == this || !steal_from(*victim)) continue;
        victim_ = index;
        return true;
    }
    return false;
}

bool team_member::steal_from(team_member& victim) {
    if (job* oldest = victim.offer_.take()) {
        adopt(*this, oldest);
        return true;
    }
    if (!victim.stealable) return false;
    std::size_t found = victim.stealable->look();
    if (found == steal_deque::nothing || !branches.reserve()) return false;
    if (team_->fence) team_->fence();
    continuation* f = victim.stealable->take(found);
    if (!f) return false;
    run_stolen(*this, *f);
    return true;
}

bool team_member::could_steal() const noexcept {
    for (std::size_t i = 0; i < team_->count; ++i) {
        const team_member* victim = team_->members[i];
        if (victim != this && !victim->offer_.empty()) return true;
    }
    return false;
}

team_member* team_member::take_sleeper() noexcept {
    std::size_t sleeper = team_->sleepers.take_one_but(bit_);
    return sleeper == team_->sleepers.nobody ? nullptr : team_->members[sleeper];
}

} // namespace weft

#include <weft/core/machine/run_queue.hpp>

namespace weft {

void run_queue::take_out(job** at) noexcept {
    job* j = *at;
    *at = j->next;
    if (tail_ == &j->next) tail_ = at;
    if (!one_hart && !head_ && bit) *map &= ~bit;
}

job* run_queue::pop_at(std::size_t i) noexcept {
    job** at = &head_;
    while (i-- != 0) at = &(*at)->next;
    job* j = *at;
    take_out(at);
    return j;
}

std::size_t run_queue::count(std::size_t most) const noexcept {
    std::size_t n = 0;
    for (const job* j = head_; j && n < most; j = j->next) ++n;
    return n;
}

job* run_queue::take_every_other(std::size_t most, bool (*may_leave)(job&) noexcept) noexcept {
    job* oldest = nullptr;
    job** end = &oldest;
    bool stays = true;
    for (job** at = &head_; *at && most;) {
        job* j = *at;
        if (stays || !may_leave(*j)) {
            at = &j->next;
        } else {
            take_out(at);
            *end = j;
            end = &j->next;
            --most;
        }
        stays = !stays;
    }
    *end = nullptr;
    return oldest;
}

} // namespace weft

#include <weft/core/machine/root.hpp>

namespace weft {

// Whoever turns the loop may take the root away as soon as it is finished: the flag is the last that is touched.
void root_base::note_finished() noexcept {
    if (port::current() == home_->owner) {
        finished_.store(1, order::release);
        return;
    }
    message_job_.target = &message_;
    message_job_.level.store(home_, order::relaxed);
    home_->owner->post_remote(message_job_);
}

void root_base::hear(continuation* message) noexcept {
    static_cast<end_message*>(message)->root->finished_.store(1, order::release);
}

} // namespace weft

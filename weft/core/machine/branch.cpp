#include <weft/core/machine/branch.hpp>

#include <weft/core/machine/scope_base.hpp>

namespace weft {

void link_marker(continuation*) noexcept {}
void message_marker(continuation*) noexcept {}

void branch::wake() noexcept {
    waiting.store(nullptr, order::relaxed);
    run_queue& queue = home();
    if (one_hart || port::current() == queue.owner)
        queue.push(*this);
    else
        queue.owner->post_remote(*this);
}

void branch::wake_ahead() noexcept {
    executor* here = port::current();
    if (home().owner != here || !here->has_stealable) return wake();
    waiting.store(nullptr, order::relaxed);
    here->push_ahead(*this);
}

branch* branch::make_shared(continuation& root, run_queue& queue, scope_base& in,
                            std::uint16_t flags) noexcept {
    void* slot = port::allocate_branch();
    if (!slot) return nullptr;
    auto* b = static_cast<branch*>(slot);
    b->init(root, queue, in, flags);
    b->refill();
    b->pins_ = 0;
    return b;
}

void branch::release() noexcept {
    ++generation;
    pins_ = 0; // on() pins for good
    port::free_branch(this);
}

bool branch_home::reserve() noexcept {
    if (spare) return true;
    auto* b = static_cast<branch*>(port::allocate_branch());
    if (!b) return false;
    b->refill();
    b->pins_ = 0;
    b->next = nullptr;
    spare = b;
    return true;
}

void branch_home::give_back_spare() noexcept {
    while (branch* b = spare) {
        spare = static_cast<branch*>(b->next);
        port::free_branch(b);
    }
}

void branch_home::finish(continuation* self) {
    executor& here = *static_cast<turn_end*>(self)->here;
    auto& b = static_cast<branch&>(*here.running());
    b.scope->child_succeeded(b, here);
}

void branch_home::defer(continuation* self) {
    executor& here = *static_cast<turn_end*>(self)->here;
    auto& b = static_cast<branch&>(*here.running());
    b.refill();
    here.push_deferred(b);
}

} // namespace weft

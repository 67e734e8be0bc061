#include <weft/ports/host/pooled.hpp>

#include <new>

#include <weft/core/port.hpp>
#include <weft/ports/host/operations.hpp>

namespace weft {

void pooled_operations::await_all() noexcept {
    for (unsigned spins = 0; left_.load(order::acquire) != submitted_; ++spins) port::relax(spins);
}

pooled_operations::node& pooled_operations::node_of(io_operation& op) noexcept {
    return *std::launder(reinterpret_cast<node*>(static_cast<io_scratch*>(&op)));
}

io_operation& pooled_operations::operation_of(pool_work& w) noexcept {
    // The node stands where the scratch words do.
    return static_cast<io_operation&>(*reinterpret_cast<io_scratch*>(&static_cast<node&>(w)));
}

bool pooled_operations::submit(io_operation& op) noexcept {
    if (!pool_) {
        op.outcome = perform_wholly(op);
        return false;
    }
    auto* n = new (static_cast<io_scratch*>(&op)) node(*this);
    ++submitted_;
    pool_->submit(*n);
    return true;
}

bool pooled_operations::cancel(io_operation& op) noexcept {
    if (op.code == io_code::close || !pool_->cancel(node_of(op))) return false;
    op.outcome = io_operation::stopped;
    left_.fetch_add(1, order::relaxed);
    return true;
}

void pooled_operations::run_on_pool(pool_work& w) noexcept {
    pooled_operations& home = *static_cast<node&>(w).home;
    perform_wholly(operation_of(w));
    pool_work* newest = home.finished_.load(order::relaxed);
    do {
        w.next = newest;
    } while (!home.finished_.compare_exchange(newest, &w, order::acq_rel));
    // From here on the operation may be gone, and this object waits for the last line.
    if (!newest) home.home_.ring();
    home.left_.fetch_add(1, order::release);
}

io_operation* pooled_operations::take_finished() noexcept {
    pool_work* newest = finished_.exchange(nullptr, order::acquire);
    return newest ? &operation_of(*newest) : nullptr;
}

io_operation* pooled_operations::next(io_operation& finished) noexcept {
    pool_work* n = node_of(finished).next;
    return n ? &operation_of(*n) : nullptr;
}

} // namespace weft

// stop_source and until(token, x): a stop from anywhere, for any number of waits. Tests: core/combinator_test.cpp.
#pragma once

#include <weft/core/machine/one_operand.hpp>
#include <weft/core/spin_lock.hpp>

namespace weft {

class stop_source;

namespace detail {

// One wait under a token. The message carries the stop to the waiter's executor.
struct stop_waiter {
    explicit stop_waiter(void (*on_message)(continuation*)) noexcept
        : message{{on_message, &message_marker}, this} {}

    struct arrival : continuation {
        stop_waiter* waiter;
    };
    stop_waiter* next = nullptr;
    stop_waiter** link = nullptr; // nullptr: not in the list
    job message_job;
    arrival message;
};

} // namespace detail

// A copy of the right to learn of a stop. Valid as long as the source. Thread-safe.
class stop_token {
  public:
    stop_token() noexcept = default; // never stops
    bool stop_requested() const noexcept;

  private:
    friend class stop_source;
    template <class X> friend class until_operation;
    explicit stop_token(stop_source& s) noexcept : source_(&s) {}
    stop_source* source_ = nullptr;
};

// Outlives the waits under its tokens. request_stop() from any thread or interrupt; once and for all.
class stop_source {
  public:
    stop_source() noexcept = default;
    stop_source(const stop_source&) = delete;
    stop_source& operator=(const stop_source&) = delete;
    ~stop_source() {
        if (waiters_) port::panic("a stop_source was destroyed while a wait under its token went on");
    }

    void request_stop() noexcept;
    bool stop_requested() const noexcept { return requested_.load(order::acquire) != 0; }
    stop_token token() noexcept { return stop_token(*this); }

  private:
    template <class X> friend class until_operation;
    bool add(detail::stop_waiter& w) noexcept;    // false: stop was requested already
    bool remove(detail::stop_waiter& w) noexcept; // false: a message is on its way

    spin_lock lock_;
    atomic<std::uint32_t> requested_{0};
    detail::stop_waiter* waiters_ = nullptr;
};

inline bool stop_token::stop_requested() const noexcept { return source_ && source_->stop_requested(); }

template <class X>
class [[nodiscard("co_await it")]] until_operation : public one_operand<until_operation<X>, X>,
                                                     detail::stop_waiter {
    using base = one_operand<until_operation, X>;
    friend base;

  public:
    until_operation(stop_token token, X& x) noexcept
        : base(kind_of_this, x), stop_waiter(&stop_came), source_(token.source_) {}

  private:
    void opened() noexcept {
        if (!source_) return;
        this->message_job.target = &this->message;
        this->message_job.level.store(&this->owner->home(), order::relaxed);
        this->hold_one(); // for the registration
        if (source_->add(*this)) return;
        this->request_stop();
        source_ = nullptr;
        this->drop_one();
    }
    // In the home context.
    static void stop_came(continuation* m) {
        auto& self = static_cast<until_operation&>(*static_cast<stop_waiter::arrival*>(m)->waiter);
        self.request_stop();
        self.end_one();
    }
    // No message will come any more: its hold goes; or one is on its way and gives the hold back.
    void operand_ended() noexcept {
        if (source_ && source_->remove(*this)) this->drop_one();
    }
    static constexpr scope_base::scope_kind kind_of_this{
        {"until", &scope_base::cancel_children}, &base::operand_has_ended, nullptr};

    stop_source* source_;
};

// Runs x (a task or an operation) and asks it to stop when the token's source does. Yields x's outcome as a result.
// Also a stop from outside is passed on. Resumes on the owner's executor. Allocates one branch header;
// errc::out_of_memory without.
template <operand_argument X> auto until(stop_token token, X&& x) noexcept {
    return until_operation<std::remove_cvref_t<X>>(token, x);
}

} // namespace weft

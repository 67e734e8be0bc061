// The back-end for kernels that let us use io_uring.
#pragma once

#include <cstdint>

#include <weft/ports/host/backend.hpp>
#include <weft/ports/host/pooled.hpp>
#include <weft/ports/linux/perform.hpp>
#include <weft/ports/linux/sys_uring.hpp>
#include <weft/ports/linux/waiting.hpp>

namespace weft {

struct uring_settings {
    uring_settings() noexcept {}

    unsigned submission_entries = 512;
    unsigned completion_entries = 8192;
    // Operations in the kernel at the same time; what is beyond waits in a list.
    std::uint32_t slot_limit = 1 << 20;
    // For tests: begin with what an older kernel has; see `flavours`.
    unsigned flavour = 0;
    // For tests: while above zero, a submission fails with EAGAIN, as where the kernel has no memory, and counts down.
    int* failing_submits = nullptr;
    // For tests: as a kernel without rings of buffers.
    bool without_buffer_rings = false;
    // For tests: as a kernel whose accepts always try at once.
    bool without_accept_poll_first = false;
};

// One ring, entered once a turn to submit and to wait. An operation in the kernel has a slot; the completion carries the
// slot's number and generation, so that a late or doubled one finds that its time is over.
class uring_backend final : public backend {
  public:
    // Errors: what the kernel says; not_supported, with the reason, where it can do less than weft needs.
    static result<std::unique_ptr<backend>> make(thread_pool* pool, const char*& reason,
                                                 const uring_settings& settings = uring_settings());
    ~uring_backend() override;

    const char* name() const noexcept override { return "io_uring"; }
    bool submit(io_operation& op) noexcept override;
    void cancel(io_operation& op) noexcept override;
    void poll(std::int64_t deadline) noexcept override;
    void ring() noexcept override { bell_.ring(); }
    bool idle() const noexcept override { return in_flight_ == 0; }
    bool needs_no_poll() const noexcept override;

    // For tests.
    std::uint64_t stale_completions() const noexcept { return stale_; }
    std::uint32_t slots() const noexcept { return slot_count_; }
    bool can_accept_poll_first() const noexcept { return can_accept_poll_first_; }
    bool guesses_empty(int fd) noexcept { return lane_of(fd, io_side::input)->known_empty(); }
    // What a completion for this operation carries, which must be in the kernel.
    std::uint64_t mark_of(const io_operation& op) const noexcept;
    // Has the kernel deliver one completion more with this mark.
    bool forge_completion(std::uint64_t mark) noexcept;

  private:
    // io_operation::state
    enum : std::uint8_t { at_rest, behind, listed, in_kernel, in_pool };
    // The low half of a mark holds the slot's index and whose answer it is.
    static constexpr std::uint32_t cancel_bit = 1u << 31;
    // liburing keeps UINT64_MAX for itself.
    static constexpr std::uint64_t bell_mark = UINT64_MAX - 1;
    static constexpr std::uint16_t lease_group = 1;

    enum expectation : std::uint8_t { completion = 1, cancel_answer = 2 };
    struct slot {
        io_operation* op;
        std::uint32_t generation;
        std::uint32_t next; // free slots, and cancels that wait for room
        std::int32_t outcome;
        std::uint16_t buffer; // the kernel's choice, if outcome_flags say so
        std::uint8_t outcome_flags;
        std::uint8_t expects : 2;
        bool cancelled : 1;
        bool polling : 1; // what is in the kernel stands for the operation's readiness
    };
    static_assert(sizeof(slot) == 24); // each connection that waits has one
    static constexpr std::uint32_t none = UINT32_MAX;
    // The operations in one direction of one descriptor. The kernel gets one at a time: it would serve several in no
    // particular order, and mix their bytes. A circle by io_scratch::spare, whose first is the one behind the last;
    // nullptr: nobody.
    struct lane {
        io_operation* last() const noexcept { return reinterpret_cast<io_operation*>(word & ~empty_bit); }
        void set_last(io_operation* op) noexcept {
            word = reinterpret_cast<std::uintptr_t>(op) | (word & empty_bit);
        }
        // Nothing was left at the last read or accept: a guess.
        bool known_empty() const noexcept { return word & empty_bit; }
        void guess_empty(bool is) noexcept { word = (word & ~empty_bit) | (is ? empty_bit : 0); }

        static constexpr std::uintptr_t empty_bit = 1;
        std::uintptr_t word; // the last, and the guess
    };

    uring_backend(const io_uring& ring, bell&& rung, thread_pool* pool,
                  const uring_settings& settings) noexcept;

    void bind() noexcept;
    int submit_collected() noexcept;
    io_uring_sqe* entry() noexcept;
    bool start(io_operation& op) noexcept;
    lane* lane_of(int fd, io_side side) noexcept;
    bool known_empty(const io_operation& op) noexcept {
        return lane_of(descriptor_of(op), io_side::input)->known_empty();
    }
    void guess(const slot& s, std::int64_t outcome) noexcept;
    void launch(io_operation& op) noexcept;
    void leave_lane(io_operation& op, io_side side) noexcept;
    bool enter_kernel(slot& s) noexcept;
    void enlist(io_operation& op) noexcept;
    void unlist(io_operation& op) noexcept;
    void start_listed() noexcept;
    void send_cancel(std::uint32_t index) noexcept;
    bool make_room_for_slots() noexcept;
    slot* take_slot() noexcept;
    void free_slot(slot& s) noexcept;
    void reap() noexcept;
    void on_completion(const io_uring_cqe& c) noexcept;
    void settle(slot& s) noexcept;
    void complete(io_operation& op) noexcept;
    void take_from_pool() noexcept;
    void wait(std::int64_t deadline) noexcept;
    void drain() noexcept;
    void prepare(io_uring_sqe& sqe, io_operation& op) noexcept;
    bool provide_leases() noexcept;
    std::int64_t take_lease(slot& s) noexcept;

    std::uint32_t index_of(const slot& s) const noexcept { return static_cast<std::uint32_t>(&s - slots_); }
    std::uint64_t mark_of(const slot& s) const noexcept {
        return static_cast<std::uint64_t>(s.generation) << 32 | index_of(s);
    }

    io_uring ring_;
    const uring_settings settings_;
    slot* slots_ = nullptr;
    std::uint32_t slot_count_ = 0; // that were in use once
    std::uint32_t slot_room_ = 0;
    std::uint32_t free_ = none;
    lane* lanes_ = nullptr; // two a descriptor
    std::size_t lane_count_ = 0;
    std::size_t lane_room_ = 0;
    std::uint32_t cancels_ = none; // slots whose cancel waits for room
    io_operation* listed_ = nullptr;
    io_operation* last_listed_ = nullptr;
    std::size_t in_flight_ = 0;
    std::size_t in_kernel_ = 0;
    std::uint64_t stale_ = 0;
    bell bell_;
    bool bound_ = false;
    bool bell_armed_ = false;
    bool can_poll_first_;
    bool can_accept_poll_first_;
    bool draining_ = false;
    enum class ring_state : std::uint8_t { none, there, not_to_be_had };
    ring_state lease_ring_state_ = ring_state::none;
    io_uring_buf_ring* lease_ring_ = nullptr;
    std::uint32_t lent_to_kernel_ = 0; // blocks in the ring
    std::uint32_t leases_wanted_ = 16; // there; more, each time that they were too few
    pooled_operations pooled_;
};

} // namespace weft

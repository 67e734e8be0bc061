#include <weft/runtime/runtime.hpp>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include <weft/ports/linux/backend.hpp>
#include <weft/ports/linux/log.hpp>
#include <weft/ports/linux/sys_thread.hpp>
#include <weft/ports/linux/thread_pool.hpp>
#include <weft/ports/linux/worker.hpp>

namespace weft {

namespace detail {

constinit const scope_base::scope_kind run_scope::kind_of_this{
    {"runtime", &scope_base::cancel_children}, &run_scope::child_ended, &run_scope::emptied};

errc run_scope::add(continuation& frame, run_queue& level) noexcept {
    lock();
    bool open = main_;
    if (open) hold_one();
    unlock();
    if (!open) return errc::closed;
    branch* b = new_child(frame, level);
    if (b) {
        b->pin();
        promise_of(frame).begin_branch(*b);
        launch(*b);
    }
    end_one();
    return b ? errc::none : errc::out_of_memory;
}

void run_scope::rethrow_if_failed() {
    if (first_exception_) std::move(first_exception_).rethrow();
}

scope_base::disposition run_scope::child_ended(scope_base& self, branch& child, failure_cause* why) noexcept {
    auto& s = static_cast<run_scope&>(self);
    if (&child == s.main_) {
        s.main_ = nullptr;
        s.stop_children();
        return disposition::keep_frame;
    }
    if (why && why->exception) {
        if (!s.first_exception_) s.first_exception_ = why->exception;
        s.stop_children();
    } else if (why && !(why->code == errc::cancelled && s.stop_requested())) {
        log_line(log_level::warning, "a task of spawn_on() ended with an error: ", why->code.message());
    }
    return disposition::destroy;
}

void run_scope::emptied(scope_base& self) noexcept {
    auto& s = static_cast<run_scope&>(self);
    observer& o = s.observer_;
    s.ended_.store(1, order::release); // from here on the scope may be gone
    o.ended(o);
}

} // namespace detail

struct runtime::state : detail::run_scope::observer {
    explicit state(const runtime_options& o)
        : observer{&all_ended}, options(o), blocking(o.blocking_threads, "weft-blocking"),
          files(o.file_threads, "weft-file") {
        for (std::size_t i = 0; i < o.threads; ++i) {
            workers.push_back(std::make_unique<class worker>(o.priorities));
            workers[i]->shared = o.threads > 1;
            workers[i]->blocking = &blocking;
            if (o.threads > 1 && o.mode == worker_mode::work_sharing) workers[i]->join(team, i);
        }
    }

    static void all_ended(observer& self) noexcept {
        for (auto& w : static_cast<state&>(self).workers)
            if (port::current() != w.get()) w->knock();
    }
    void open(std::size_t i);
    void turn_until_end(class worker& w) {
        while (!scope->ended())
            if (!w.turn() && !scope->ended()) w.sleep();
    }
    void work(std::size_t i) noexcept;
    void man(std::vector<std::thread>& crew);
    void dismiss(std::vector<std::thread>& crew) noexcept;

    const runtime_options options;
    thread_pool blocking;
    thread_pool files;
    weft::team team;
    std::vector<std::unique_ptr<class worker>> workers;

    // Keeps the scope and the back-ends where they are while a foreign thread uses them.
    std::mutex guard;
    detail::run_scope* running = nullptr;

    // The start of a run: all workers get ready before the first turns.
    std::mutex start_guard;
    std::condition_variable start_changed;
    std::size_t ready = 0;
    enum class signal { wait, go, go_home } start_signal = signal::wait;
    std::exception_ptr start_failure;
    detail::run_scope* scope = nullptr;
};

namespace {

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument("weft::runtime: " + what); }

std::size_t cpus_of_process() noexcept {
    std::size_t cpus[1024];
    return std::max<std::size_t>(sys::allowed_cpus(cpus, std::size(cpus)), 1);
}

runtime_options checked(runtime_options o) {
    auto number = [](std::size_t n) { return std::to_string(n); };
    if (o.threads == 0) o.threads = std::min(cpus_of_process(), runtime::max_threads);
    if (o.threads > runtime::max_threads)
        refuse(number(o.threads) + " threads are too many; at most " + number(runtime::max_threads));
    if (!o.cpus.empty() && o.cpus.size() != o.threads)
        refuse(number(o.cpus.size()) + " CPUs for " + number(o.threads) + " threads; give as many, or none");
    if (o.priorities < 1 || o.priorities > executor::max_levels)
        refuse(number(o.priorities) + " priorities; there can be 1 to " + number(executor::max_levels));
    if (o.blocking_threads > thread_pool::max_threads || o.file_threads > thread_pool::max_threads)
        refuse("a pool has at most " + number(thread_pool::max_threads) + " threads");
    if (o.file_threads == 0) refuse("file_threads must be at least 1");
    if (o.blocking_threads == 0) o.blocking_threads = std::max<std::size_t>(cpus_of_process(), 4);
    return o;
}

// The calling thread is lent to a run: it gets its CPUs back.
class affinity_kept {
  public:
    explicit affinity_kept(bool needed) noexcept : kept_(needed && sys::get_affinity(mask_)) {}
    ~affinity_kept() {
        if (kept_) sys::set_affinity(mask_);
    }
    affinity_kept(const affinity_kept&) = delete;
    affinity_kept& operator=(const affinity_kept&) = delete;

  private:
    sys::cpu_mask mask_;
    bool kept_;
};

} // namespace

// On the worker's own thread.
void runtime::state::open(std::size_t i) {
    if (!options.cpus.empty()) {
        if (int e = sys::bind_to_cpu(options.cpus[i]))
            throw std::system_error(e, std::generic_category(),
                                    "weft::runtime: worker " + std::to_string(i) + " cannot run on CPU " +
                                        std::to_string(options.cpus[i]));
    }
    backend_options io;
    io.force = options.io;
    io.pool = &files;
    result<std::unique_ptr<backend>> made = make_backend(io);
    if (!made) {
        int code = made.error().native() ? made.error().native() : static_cast<int>(std::errc::not_supported);
        throw std::system_error(code, std::generic_category(),
                                std::string("weft::runtime: no I/O back-end (") + made.error().message() +
                                    ")");
    }
    workers[i]->open(std::move(*made));
}

void runtime::state::work(std::size_t i) noexcept {
    sys::name_thread(("weft-worker-" + std::to_string(i)).c_str());
    std::exception_ptr failure;
    try {
        open(i);
    } catch (...) {
        failure = std::current_exception();
    }
    {
        std::unique_lock held(start_guard);
        ++ready;
        if (failure && !start_failure) start_failure = failure;
        start_changed.notify_all();
        start_changed.wait(held, [this] { return start_signal != signal::wait; });
        if (start_signal == signal::go_home) failure = start_failure;
    }
    if (failure) return;
    class worker& w = *workers[i];
    turn_until_end(w);
    w.close();
}

// Starts the other threads and opens all workers; throws if that cannot be had.
void runtime::state::man(std::vector<std::thread>& crew) {
    ready = 0;
    start_signal = signal::wait;
    start_failure = nullptr;
    try {
        crew.reserve(workers.size());
        for (std::size_t i = 1; i < workers.size(); ++i) crew.emplace_back([this, i] { work(i); });
        open(0);
    } catch (...) {
        std::lock_guard held(start_guard);
        if (!start_failure) start_failure = std::current_exception();
    }
    std::unique_lock held(start_guard);
    start_changed.wait(held, [&] { return ready == crew.size(); });
    start_signal = start_failure ? signal::go_home : signal::go;
    start_changed.notify_all();
    if (!start_failure) return;
    held.unlock();
    for (auto& w : workers)
        if (w->is_open()) w->close();
    dismiss(crew);
    std::rethrow_exception(std::exchange(start_failure, nullptr));
}

void runtime::state::dismiss(std::vector<std::thread>& crew) noexcept {
    for (std::thread& t : crew) t.join();
    for (auto& w : workers) w->drop_io();
}

runtime::runtime(const runtime_options& options) : state_(std::make_unique<state>(checked(options))) {}
runtime::~runtime() = default;

detail::run_scope::observer& runtime::observer() noexcept { return *state_; }
std::size_t runtime::size() const noexcept { return state_->workers.size(); }
executor& runtime::worker(std::size_t i) noexcept {
    if (i >= size()) port::panic("runtime::worker(): there is no such worker");
    return *state_->workers[i];
}

void runtime::drive(detail::run_scope& scope, void (*start)(detail::run_scope&, run_queue&) noexcept) {
    state& s = *state_;
    if (port::current()) throw std::logic_error("weft::run() inside a task: co_await the task instead");
    if (s.scope) throw std::logic_error("weft::runtime::run() goes on already");
    s.scope = &scope;
    affinity_kept kept(!s.options.cpus.empty());
    std::vector<std::thread> crew;
    try {
        s.man(crew);
    } catch (...) {
        s.scope = nullptr;
        throw;
    }
    class worker& own = *s.workers[0];
    start(scope, own.level());
    {
        std::lock_guard held(s.guard);
        s.running = &scope;
    }
    s.turn_until_end(own);
    own.close();
    {
        std::lock_guard held(s.guard);
        s.running = nullptr;
    }
    s.dismiss(crew);
    s.scope = nullptr;
}

void runtime::request_stop() noexcept {
    std::lock_guard held(state_->guard);
    if (state_->running) state_->running->request_stop();
}

result<void> runtime::add(std::size_t i, continuation& frame) {
    if (i >= size()) return failure(errc::invalid_argument);
    std::lock_guard held(state_->guard);
    if (!state_->running) return failure(errc::closed);
    errc added = state_->running->add(frame, state_->workers[i]->level(0));
    if (added != errc::none) return failure(added);
    return {};
}

} // namespace weft

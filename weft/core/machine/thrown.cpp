#include <weft/core/machine/thrown.hpp>

#include <weft/core/machine/continuation.hpp>
#include <weft/core/port.hpp>

#if defined(__cpp_exceptions)
#include <exception>
#include <new>

namespace weft {

namespace {

static_assert(sizeof(std::exception_ptr) == sizeof(void*));
std::exception_ptr& as_pointer(void*& word) noexcept { return reinterpret_cast<std::exception_ptr&>(word); }

} // namespace

thrown thrown::current() noexcept {
    thrown t;
    new (&t.exception_) std::exception_ptr(std::current_exception());
    return t;
}
void thrown::rethrow() && {
    std::exception_ptr e(std::move(as_pointer(exception_)));
    std::rethrow_exception(std::move(e));
}
void* thrown::copy(void* exception) noexcept {
    void* other;
    new (&other) std::exception_ptr(as_pointer(exception));
    return other;
}
void thrown::drop(void* exception) noexcept { as_pointer(exception).~exception_ptr(); }

} // namespace weft

#else

namespace weft {

thrown thrown::current() noexcept { port::panic("an exception in a build without exceptions"); }
void thrown::rethrow() && { port::panic("an exception in a build without exceptions"); }
void* thrown::copy(void* exception) noexcept { return exception; }
void thrown::drop(void*) noexcept {}

} // namespace weft

#endif

namespace weft {

[[gnu::cold]] void promise_base::note_exception() noexcept {
    void* e = thrown::current().release();
    site = reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(e) | exception_mark);
}
[[gnu::cold]] void promise_base::drop_exception() noexcept { thrown::adopt(exception()); }
[[gnu::cold]] void promise_base::rethrow_exception() {
    thrown e = thrown::adopt(exception());
    site = nullptr;
    std::move(e).rethrow();
}
[[gnu::cold]] thrown promise_base::share_exception() const noexcept { return thrown::share(exception()); }

} // namespace weft

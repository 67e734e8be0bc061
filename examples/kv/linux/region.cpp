#include "region.hpp"

#include <string>
#include <system_error>

#include <sys/mman.h>

namespace kv {

namespace {

std::span<std::byte> map(std::size_t size) {
    void* at =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(),
                                "reserving " + std::to_string(size >> 20) +
                                    " MB (see --memory, --client-memory, --log-memory)");
    return {static_cast<std::byte*>(at), size};
}

// The pages that lie wholly inside go back to the system.
void unmap_inside(void* block, std::size_t size) {
    constexpr std::uintptr_t page = 4096;
    auto from = reinterpret_cast<std::uintptr_t>(block);
    std::uintptr_t to = (from + size) / page * page;
    from = (from + page - 1) / page * page;
    if (from < to) ::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
}

} // namespace

region::region(std::size_t size) : bytes_{map(size)}, arena_{bytes_} {
    arena_.set_large_free_hook(&unmap_inside);
}
region::~region() { ::munmap(bytes_.data(), bytes_.size()); }

} // namespace kv

#include <weft/core/root.hpp>

namespace weft {

void root_base::note_finished() noexcept {
    executor* home = home_;
    finished_.store(1, order::release);
    if (port::current() != home) port::ring(*home);
}

} // namespace weft

#include "storage.hpp"

namespace kv {

template class two_logs<weft::drivers::virtio_blk>;

} // namespace kv

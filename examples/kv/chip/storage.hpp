// Where the log is: a disk of its own.
#pragma once

#include "two_logs.hpp"

#include <drivers/virtio_blk.hpp>

namespace kv {

extern template class two_logs<weft::drivers::virtio_blk>;
using storage = two_logs<weft::drivers::virtio_blk>;

} // namespace kv

// Where the log is: a disk of its own.
#pragma once

#include "two_logs.hpp"

#include <drivers/virtio_blk.hpp>

namespace kv {

using storage = two_logs<weft::drivers::virtio_blk>;

} // namespace kv

#include <weft/io/pipe.hpp>

namespace weft {

result<std::pair<pipe_reader, pipe_writer>> make_pipe() noexcept {
    native_handle ends[2];
    if (result<void> r = host::open_pipe(ends); !r) return failure(r.error());
    return std::pair<pipe_reader, pipe_writer>(pipe_reader(descriptor(ends[0])),
                                               pipe_writer(descriptor(ends[1])));
}

result<pipe_reader> pipe_reader::adopt(native_handle h) noexcept {
    if (result<void> r = host::adopt(h); !r) return failure(r.error());
    return pipe_reader(descriptor(h));
}

result<pipe_writer> pipe_writer::adopt(native_handle h) noexcept {
    if (result<void> r = host::adopt(h); !r) return failure(r.error());
    return pipe_writer(descriptor(h));
}

} // namespace weft

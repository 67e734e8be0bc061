// A TCP echo server on libuv: uv_echo PORT. Buffers are lent for a read and its write, and kept for the next.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <uv.h>

namespace {

struct request {
    uv_write_t write;
    char data[4096];
};
std::vector<request*> spare;

void lend(uv_handle_t*, std::size_t, uv_buf_t* into) {
    request* r = spare.empty() ? new request : spare.back();
    if (!spare.empty()) spare.pop_back();
    *into = uv_buf_init(r->data, sizeof r->data);
}
request* lent(const uv_buf_t* buffer) {
    return buffer->base ? reinterpret_cast<request*>(buffer->base - offsetof(request, data)) : nullptr;
}
void closed(uv_handle_t* handle) { delete reinterpret_cast<uv_tcp_t*>(handle); }
void written(uv_write_t* write, int) { spare.push_back(reinterpret_cast<request*>(write)); }

void received(uv_stream_t* peer, ssize_t n, const uv_buf_t* buffer) {
    request* r = lent(buffer);
    if (n > 0) {
        uv_buf_t back = uv_buf_init(r->data, static_cast<unsigned>(n));
        uv_write(&r->write, peer, &back, 1, written);
        return;
    }
    if (r) spare.push_back(r);
    if (n < 0) uv_close(reinterpret_cast<uv_handle_t*>(peer), closed);
}

void connected(uv_stream_t* listener, int status) {
    if (status) return;
    auto* peer = new uv_tcp_t;
    uv_tcp_init(listener->loop, peer);
    if (uv_accept(listener, reinterpret_cast<uv_stream_t*>(peer))) {
        uv_close(reinterpret_cast<uv_handle_t*>(peer), closed);
        return;
    }
    uv_tcp_nodelay(peer, 1);
    uv_read_start(reinterpret_cast<uv_stream_t*>(peer), lend, received);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) return std::fprintf(stderr, "usage: uv_echo PORT\n"), 2;
    uv_tcp_t listener;
    sockaddr_in at;
    uv_tcp_init(uv_default_loop(), &listener);
    uv_ip4_addr("127.0.0.1", std::atoi(argv[1]), &at);
    uv_tcp_bind(&listener, reinterpret_cast<sockaddr*>(&at), 0);
    if (int e = uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 4096, connected))
        return std::fprintf(stderr, "uv_echo: %s\n", uv_strerror(e)), 1;
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

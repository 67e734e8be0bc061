// TCP echo servers on Boost.Asio: asio_echo PORT callbacks|awaitable. asio_echo_uring is the same on io_uring.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <boost/asio.hpp>
#include <boost/asio/experimental/as_tuple.hpp>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using failure = boost::system::error_code;

class session : public std::enable_shared_from_this<session> {
  public:
    explicit session(tcp::socket&& socket) : socket_(std::move(socket)) {
        socket_.set_option(tcp::no_delay(true));
    }
    void read() {
        socket_.async_read_some(asio::buffer(buffer_),
                                [self = shared_from_this()](failure why, std::size_t n) {
                                    if (!why) self->write(n);
                                });
    }

  private:
    void write(std::size_t n) {
        asio::async_write(socket_, asio::buffer(buffer_, n),
                          [self = shared_from_this()](failure why, std::size_t) {
                              if (!why) self->read();
                          });
    }
    tcp::socket socket_;
    std::array<char, 4096> buffer_;
};

void accept_next(tcp::acceptor& acceptor) {
    acceptor.async_accept([&acceptor](failure why, tcp::socket socket) {
        if (!why) std::make_shared<session>(std::move(socket))->read();
        accept_next(acceptor);
    });
}

constexpr auto tuple = asio::experimental::as_tuple(asio::use_awaitable);

asio::awaitable<void> serve(tcp::socket socket) {
    socket.set_option(tcp::no_delay(true));
    std::array<char, 4096> buffer;
    for (;;) {
        auto [read_failed, n] = co_await socket.async_read_some(asio::buffer(buffer), tuple);
        if (read_failed) co_return;
        auto [write_failed, written] = co_await asio::async_write(socket, asio::buffer(buffer, n), tuple);
        if (write_failed) co_return;
    }
}

asio::awaitable<void> accept_all(tcp::acceptor& acceptor) {
    for (;;) {
        auto [why, socket] = co_await acceptor.async_accept(tuple);
        if (!why) asio::co_spawn(acceptor.get_executor(), serve(std::move(socket)), asio::detached);
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) return std::fprintf(stderr, "usage: asio_echo PORT callbacks|awaitable\n"), 2;
    asio::io_context context(1);
    tcp::endpoint at(asio::ip::address_v4::loopback(), static_cast<unsigned short>(std::atoi(argv[1])));
    tcp::acceptor acceptor(context, at);
    if (std::strcmp(argv[2], "callbacks") == 0)
        accept_next(acceptor);
    else
        asio::co_spawn(context, accept_all(acceptor), asio::detached);
    context.run();
}

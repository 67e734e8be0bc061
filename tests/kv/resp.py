"""A raw RESP client: sends requests and splits the answers into replies without interpreting them."""

import socket


def encode(*args):
    out = b"*%d\r\n" % len(args)
    for a in args:
        if isinstance(a, str):
            a = a.encode()
        elif not isinstance(a, bytes):
            a = str(a).encode()
        out += b"$%d\r\n%s\r\n" % (len(a), a)
    return out


class Closed(Exception):
    pass


class Client:
    def __init__(self, port, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *args):
        self.socket.sendall(encode(*args))

    def send_raw(self, data):
        self.socket.sendall(data)

    def fill(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise Closed()
        self.buffer += data

    def line(self, at):
        while True:
            end = self.buffer.find(b"\r\n", at)
            if end >= 0:
                return end + 2
            self.fill()

    def skip(self, at):
        """The index behind the reply that starts at `at`."""
        end = self.line(at)
        kind, head = self.buffer[at : at + 1], self.buffer[at + 1 : end - 2]
        if kind in b"$=":
            size = int(head)
            if size >= 0:
                end += size + 2
                while len(self.buffer) < end:
                    self.fill()
        elif kind in b"*~>%":
            count = int(head) * (2 if kind == b"%" else 1)
            for _ in range(count):
                end = self.skip(end)
        return end

    def raw(self):
        """The next reply, byte for byte."""
        end = self.skip(0)
        reply, self.buffer = self.buffer[:end], self.buffer[end:]
        return reply

    def __call__(self, *args):
        self.send(*args)
        return self.raw()

    def value(self, *args):
        """The reply as a Python value; errors as strings that start with '-'."""
        return decode(self(*args))[0]


def decode(reply, at=0):
    end = reply.index(b"\r\n", at)
    kind, head = reply[at : at + 1], reply[at + 1 : end]
    end += 2
    if kind == b"+":
        return head.decode(), end
    if kind == b"-":
        return "-" + head.decode("latin1"), end
    if kind == b":":
        return int(head), end
    if kind == b"_":
        return None, end
    if kind in b"$=":
        size = int(head)
        return (None, end) if size < 0 else (reply[end : end + size], end + size + 2)
    count = int(head)
    if count < 0:
        return None, end
    items = []
    for _ in range(count * (2 if kind == b"%" else 1)):
        item, end = decode(reply, end)
        items.append(item)
    return items, end

"""The hosts that firmware talks to in its tests."""

import contextlib
import socket
import socketserver
import struct
import threading
import time


def free_port():
    """One where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Line(threading.Thread):
    """The other end of a serial line that is a Unix socket: says how much it sends, sends it, and keeps what comes. Reads each
    piece before the next goes out: QEMU's console drops what its other end does not take at once."""

    def __init__(self, path, sent):
        super().__init__(daemon=True)
        self.path, self.sent, self.came = path, sent, b""
        self.start()

    def receive(self, line, until):
        while len(self.came) < until and (part := line.recv(until - len(self.came))):
            self.came += part

    def run(self):
        piece, greeting = 4096, 6
        with socket.socket(socket.AF_UNIX) as line:
            for _ in range(200):
                with contextlib.suppress(OSError):
                    line.connect(self.path)
                    break
                time.sleep(0.05)
            line.settimeout(30)
            with contextlib.suppress(OSError):
                self.receive(line, greeting)
                line.sendall(struct.pack("<I", len(self.sent)))
                for i in range(0, len(self.sent), piece):
                    line.sendall(self.sent[i : i + piece])
                    self.receive(line, greeting + min(i + piece, len(self.sent)))


class EchoStream(socketserver.BaseRequestHandler):
    def handle(self):
        with contextlib.suppress(OSError):
            time.sleep(0.1)  # so that the chip has to wait, too
            while part := self.request.recv(65536):
                self.request.sendall(part)


class EchoDatagram(socketserver.BaseRequestHandler):
    """Answers, but counts those that begin with 255, and answers 254 by their number."""
    counted = 0

    def handle(self):
        bytes, there = self.request
        if bytes[:1] == b"\xff":
            EchoDatagram.counted += 1
        elif bytes[:1] == b"\xfe":
            there.sendto(struct.pack("B", EchoDatagram.counted), self.client_address)
        else:
            there.sendto(bytes, self.client_address)


class ThreadedServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 32


class for_sockets:
    """What sockets.cpp wants: a context in which the firmware is to be booted, with its port 7 at `chip_port`."""

    def __enter__(self):
        self.chip_port, self.wrong = free_port(), []
        EchoDatagram.counted = 0
        self.servers = [ThreadedServer(("127.0.0.1", 0), EchoStream), socketserver.UDPServer(("127.0.0.1", 0), EchoDatagram)]
        for server in self.servers:
            threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        self.client = threading.Thread(target=self.talk, daemon=True)
        self.client.start()
        return self

    def __exit__(self, *_):
        self.client.join(30)
        if self.client.is_alive():
            self.wrong.append("the conversation has not ended")
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def talk(self):
        try:
            with self.connect() as chip:
                chip.settimeout(60)
                chip.sendall(struct.pack("!HHH", *(s.server_address[1] for s in self.servers), free_port()))
                time.sleep(8)  # what was asked for at the start is forgotten
                chip.sendall(b"a")
                time.sleep(3)
                chip.sendall(b"b")
                self.end_of_input(chip)
        except OSError as e:
            self.wrong.append(f"the connection failed: {e}")

    def connect(self):
        """QEMU accepts before the chip listens, and resets when nobody does."""
        for _ in range(200):
            with contextlib.suppress(OSError):
                chip = socket.create_connection(("127.0.0.1", self.chip_port), 1)
                chip.settimeout(0.2)
                try:
                    if chip.recv(1) != b"":
                        raise AssertionError("it spoke first")
                except TimeoutError:
                    return chip
            time.sleep(0.1)
        raise OSError("nobody accepts")

    def end_of_input(self, chip):
        """The chip has ended its input: it says so, still takes what comes, and says good-bye."""
        came = b""
        while len(came) < 5 and (part := chip.recv(5 - len(came))):
            came += part
        chip.sendall(bytes(100_000))
        while part := chip.recv(100):
            came += part
        if came != b"go onbye":
            self.wrong.append(f"it said {came!r}")

"""Starts servers for the tests: each on a free port, in a folder of its own, and ready when it says so."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from resp import Client, Closed


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, command, folder=None, ready=90, environment=None):
        """`command` may contain {port} and {folder}; `environment` is added to this process's."""
        self.own_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="weft-kv-")
        self.template, self.ready = command, ready
        self.environment = os.environ | (environment or {})
        self.process = None
        self.start()

    def start(self, ready=True):
        """Returns when it is ready to serve, or at once."""
        for _ in range(5):  # the port was free a moment ago, which does not mean that it still is
            self.port = free_port()
            command = [part.format(port=self.port, folder=self.folder) for part in self.template]
            self.log = open(os.path.join(self.folder, "server.log"), "ab")
            self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT, cwd=self.folder, env=self.environment)
            if not ready or self.wait_ready():
                return self
            if self.process.poll() is None:  # it holds the folder
                self.process.kill()
                self.process.wait()
        raise RuntimeError("the server did not start:\n" + self.log_text())

    def wait_ready(self):
        deadline = time.monotonic() + self.ready
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with Client(self.port, timeout=1) as c:
                    if c("PING").startswith(b"+PONG"):
                        return True
            except (OSError, Closed):
                pass
            time.sleep(0.01)
        return False

    def log_text(self):
        with open(os.path.join(self.folder, "server.log"), errors="replace") as f:
            return f.read()

    def client(self, **options):
        return Client(self.port, **options)

    def client_if_any(self):
        """A client, as soon as there is somebody who listens."""
        try:
            return self.client()
        except OSError:
            assert self.process.poll() is None, self.log_text()
            return None

    def send_signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=20):
        return self.process.wait(timeout)

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.send_signal(number)
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.wait()
        self.log.close()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def redis_server():
    return Server(["redis-server", "--port", "{port}", "--dir", "{folder}", "--save", "", "--databases", "1"])


# The default is half of the machine's memory, which a sanitizer takes seconds to mark as free.
LITTLE_MEMORY = ["--memory", str(512 << 20), "--client-memory", str(256 << 20), "--log-memory", str(256 << 20)]


def weft_kv(binary, *options, folder=None, environment=None):
    command = [binary, "--port", "{port}", "--dir", "{folder}", *LITTLE_MEMORY, *options]
    return Server(command, folder=folder, environment=environment)

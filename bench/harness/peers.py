"""Builds the peers: each from Debian's packages, without a network. One that cannot be built is an error of its rows."""

import os
import shutil
import subprocess

from harness.machine import ROOT
from harness.programs import Unmeasurable

SOURCES = os.path.join(ROOT, "bench", "peers")
OUTPUT = os.path.join(ROOT, "build", "bench", "peers")
LOGS = os.path.join(ROOT, "build", "logs")

# Sources that several peers share: a change of them is a change of all.
SHARED = [os.path.join(ROOT, "bench", f) for f in ("measure.hpp", "histogram.hpp", "workload.hpp", "peers/measure.rs")]

CXX = ["g++-12", "-std=c++20", "-O2", "-DNDEBUG", "-Wall", "-Wextra"]

# Where Debian's librust-*-dev packages put their sources.
CARGO_REGISTRY = "/usr/share/cargo/registry"
CARGO_CONFIG = f"""[source.crates-io]
replace-with = "debian"

[source.debian]
directory = "{CARGO_REGISTRY}"
"""


def cxx(source, program, *options):
    return [*CXX, "-o", os.path.join(OUTPUT, program), os.path.join(SOURCES, source), *options], None, None


def cargo(crate):
    # cargo writes a lock file beside the manifest: so it gets a copy, and the tree stays as it is.
    home = os.path.join(OUTPUT, "cargo-home")
    copy = os.path.join(OUTPUT, "crates")

    def prepare():
        os.makedirs(home, exist_ok=True)
        with open(os.path.join(home, "config.toml"), "w", encoding="ascii") as f:
            f.write(CARGO_CONFIG)
        shutil.copytree(os.path.join(SOURCES, crate), os.path.join(copy, crate), dirs_exist_ok=True)
        shutil.copy(os.path.join(SOURCES, "measure.rs"), copy)

    command = ["/usr/bin/cargo", "build", "--release", "--offline", "--target-dir", os.path.join(OUTPUT, "target")]
    command += ["--manifest-path", os.path.join(copy, crate, "Cargo.toml")]
    return command, {"CARGO_HOME": home, "RUSTC": "/usr/bin/rustc"}, prepare


def go(package):
    environment = {"GOPROXY": "off", "GOFLAGS": "-mod=mod", "GOCACHE": os.path.join(OUTPUT, "go-cache")}
    command = ["go", "build", "-o", os.path.join(OUTPUT, f"go_{package}"), f"./{package}"]
    return command, environment, None


PEERS = {
    "asio": [
        cxx("asio/asio_bench.cpp", "asio_bench", "-pthread"),
        cxx("asio/asio_echo.cpp", "asio_echo", "-pthread"),
        cxx(
            "asio/asio_echo.cpp",
            "asio_echo_uring",
            "-DBOOST_ASIO_HAS_IO_URING",
            "-DBOOST_ASIO_DISABLE_EPOLL",
            "-pthread",
            "-luring",
        ),
    ],
    "libuv": [
        cxx("libuv/uv_bench.cpp", "uv_bench", "-pthread", "-luv"),
        cxx("libuv/uv_echo.cpp", "uv_echo", "-luv"),
    ],
    "tbb": [cxx("tbb/tbb_bench.cpp", "tbb_bench", "-ltbb")],
    "go": [go("bench"), go("echo")],
    "rayon": [cargo("rayon")],
    "tokio": [cargo("tokio")],
}
PROGRAMS = {
    "asio": "asio_bench",
    "libuv": "uv_bench",
    "tbb": "tbb_bench",
    "go": "go_bench",
    "rayon": "target/release/rayon_peer",
    "tokio": "target/release/tokio_bench",
}


class Peers:
    def __init__(self):
        self.errors = {}

    def program(self, peer, path=None):
        if peer in self.errors:
            raise Unmeasurable(self.errors[peer])
        return os.path.join(OUTPUT, path or PROGRAMS[peer])

    def build(self, wanted, say):
        os.makedirs(OUTPUT, exist_ok=True)
        os.makedirs(LOGS, exist_ok=True)
        for peer in wanted:
            if not self.is_built(peer):
                say(f"Building {peer} ...")
                self.build_one(peer)

    def stamp(self, peer):
        return os.path.join(OUTPUT, f"{peer}.built")

    def is_built(self, peer):
        try:
            built = os.path.getmtime(self.stamp(peer))
        except OSError:
            return False
        sources = [os.path.join(at, f) for at, _, files in os.walk(os.path.join(SOURCES, peer)) for f in files]
        return all(os.path.getmtime(s) < built for s in (*sources, *SHARED, __file__))

    def build_one(self, peer):
        log = os.path.join(LOGS, f"bench-{peer}.log")
        with open(log, "w", encoding="utf-8") as f:
            for command, environment, prepare in PEERS[peer]:
                if prepare:
                    prepare()
                f.write(" ".join(command) + "\n")
                f.flush()
                try:
                    status = subprocess.run(
                        command,
                        cwd=os.path.join(SOURCES, peer),
                        env={**os.environ, **(environment or {})},
                        stdout=f,
                        stderr=subprocess.STDOUT,
                        stdin=subprocess.DEVNULL,
                        check=False,
                    ).returncode
                except FileNotFoundError:
                    f.write(f"error: {command[0]} is not installed\n")
                    status = 1
                if status != 0:
                    break
            else:
                with open(self.stamp(peer), "w", encoding="ascii"):
                    return
        with open(log, encoding="utf-8") as f:
            lines = [line.strip().replace(f"{ROOT}/", "") for line in f if "error" in line.lower()] or ["see the log"]
        self.errors[peer] = f"could not be built: {lines[0][:200]} ({os.path.relpath(log, ROOT)})"

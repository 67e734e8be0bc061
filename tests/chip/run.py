#!/usr/bin/env python3
"""Builds the firmware and the core's tests for the chips, boots every image under QEMU, and looks at what it prints.

    tests/chip/run.py [--built] [preset]...

Without names: each chip with each compiler. All are built, and then two chips at a time are booted; --built: they are
built. The last line is "N passed, N failed".
"""

import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import hosts

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PRESETS = ["rv32-gcc", "rv32-clang", "rv64-gcc", "rv64-clang", "rv64-gcc-harts", "rv32-clang-harts", "m3-gcc", "m3-clang", "m4-gcc", "m4-clang"]

passed = failed = 0


def report(name, wrong):
    global passed, failed
    if wrong:
        failed += 1
        print(f"  FAIL  {name}")
        for line in wrong[:12]:
            print(f"        {line}")
    else:
        passed += 1
        print(f"  ok    {name}")
    sys.stdout.flush()


def with_board(preset):
    """The environment in which scripts/emulate.sh takes the preset's board."""
    return dict(os.environ, BOARD="mps2-an385" if preset.startswith("m3") else "mps2-an386")


def boot(preset, image, *options, seconds=120, stdin=b"", real_time=False):
    """What the image prints and its exit status; None for one that had to be stopped."""
    command = [f"{ROOT}/scripts/emulate.sh", f"{ROOT}/build/{preset}/{image}.elf"]
    # Time stands still while the chip works and jumps to the next alarm when it sleeps: nothing depends on the host, but
    # for devices that wait for the host.
    if not real_time:
        command += ["-icount", "shift=0,sleep=off"]
    try:
        run = subprocess.run(command + list(options), input=stdin, capture_output=True, timeout=seconds, env=with_board(preset))
    except subprocess.TimeoutExpired as stopped:
        return (stopped.stdout or b"").decode(errors="replace"), None
    return run.stdout.decode(errors="replace") + run.stderr.decode(errors="replace"), run.returncode


def core_tests(preset):
    """Each of the core's tests counts."""
    global passed, failed
    output, status = boot(preset, "weft_core_test", seconds=300)
    results = re.findall(r"^  (ok|FAIL)  +(\S+)$", output, re.M)
    good = sum(result == "ok" for result, _ in results)
    closing = re.search(r"^(\d+) passed, (\d+) failed$", output, re.M)
    wrong = []
    if not closing:
        wrong = ["it broke off:"] + output.splitlines()[-6:]
    elif status != 0 or int(closing[1]) != good or len(results) < 100:
        wrong = [f"status {status}, {len(results)} results"] + re.findall(r".*\n  FAIL.*", output)
    report(f"{preset}: the core's tests, {good} of {len(results)}", wrong)
    passed += good
    failed += len(results) - good


def prints(preset, image, *expected, status=0):
    """The image prints the lines of each list, as regular expressions, in this order, and ends with this status."""
    output, ended = boot(preset, image)
    wrong = []
    for lines in expected:
        at = 0
        for line in lines:
            found = re.compile(line, re.M).search(output, at)
            if not found:
                wrong.append(f"not printed: {line}")
                break
            at = found.end()
    if ended != status:
        wrong.append("it was stopped" if ended is None else f"it ended with {ended}, not {status}")
    report(f"{preset}: {image}", wrong and wrong + ["it printed:"] + output.splitlines()[-8:])


FORBIDDEN = re.compile(
    r"^(malloc|calloc|realloc|free|_?sbrk|_malloc_r|_free_r|_Zn[wa]\w*|_Zd[la]\w*|__cxa_\w+|__gxx_\w+|_Unwind_\w+|"
    r"__aeabi_unwind\w+|__emutls\w*|__tls_\w+|__atomic_\w+|_ZNSt\w*(exception|bad_alloc|ios|locale|terminate)\w*|"
    r"_ZSt\d+(__throw|terminate|uncaught)\w*|printf|abort|atexit)$"
)


def forbidden(symbols):
    return sorted({s for s in symbols if FORBIDDEN.match(s)})


def symbols_of(elf):
    listed = subprocess.run(["llvm-nm-22", "--format=just-symbols", elf], capture_output=True, text=True, check=True)
    return listed.stdout.split()


def clean(preset, image):
    """Nothing of a heap, of exceptions or of libstdc++ is in the image, and no static constructor."""
    elf = f"{ROOT}/build/{preset}/{image}.elf"
    wrong = [f"in the image: {s}" for s in forbidden(symbols_of(elf))]
    sections = subprocess.run(["llvm-readelf-22", "-S", "-W", elf], capture_output=True, text=True, check=True).stdout
    wrong += [f"section {s}" for s in re.findall(r"\.(?:init_array|ctors|tdata|tbss)\S*", sections)]
    report(f"{preset}: {image} is clean", wrong)


def does_not_link(preset, image):
    """What the linker says, which has to fail; and what is wrong."""
    build = subprocess.run(["cmake", "--build", f"{ROOT}/build/{preset}", "--target", image], capture_output=True, text=True)
    return build.stdout + build.stderr, [] if build.returncode else ["it was linked"]


def refused(preset):
    """A firmware that is too large is not linked, and the linker names the task; nor is one with static constructors."""
    said, wrong = does_not_link(preset, "too_large")
    if not re.search(r"the root task .*takes_too_much\(\) does not fit: 1 x 82\d\d\d bytes", said):
        wrong.append("the task is not named")
    if "fits() does not fit" in said:
        wrong.append("a task that fits is blamed")
    report(f"{preset}: too_large is not linked", wrong and wrong + said.splitlines()[-6:])
    said, wrong = does_not_link(preset, "constructed")
    if "a static object's constructor is code" not in said:
        wrong.append("the reason is not said")
    report(f"{preset}: constructed is not linked", wrong and wrong + said.splitlines()[-6:])


# Firmware that tests itself: each of its checks counts. How many there are at least.
SELF_TESTS = {"roots": 17, "preempt": 9}


def self_test(preset, image, least, *options, **more):
    global passed, failed
    output, status = boot(preset, f"tests/chip/{image}", *options, **more)
    results = re.findall(r"^  (ok|FAIL)  +(.+)$", output, re.M)
    good = sum(result == "ok" for result, _ in results)
    wrong = [text for result, text in results if result != "ok"]
    if status != 0 or len(results) < least or not re.search(rf"^{good} passed, 0 failed$", output, re.M):
        wrong += [f"status {status}, {len(results)} checks of {least}"] + output.splitlines()[-5:]
    report(f"{preset}: {image}, {good} checks", wrong)
    passed += good
    failed += len(results) - good


# tests/chip/fault.cpp by the value of FAULT, and the reason that it must give.
FAULTS = {
    0: r"the root task .*fails\(\) ended with an error: no space left",
    1: r"^panic: for a test$",
    2: r"^fault: (breakpoint|illegal instruction|usage fault|hard fault), instruction at 0x0*[1-9a-f]",
    3: r"^fault: (store access|memory management fault|load access), .*\nthe stack has overflowed$",
    4: r"^fault: (load access|bus fault), .* address 0x0*f0000000",
}


def line_of(mark):
    """The line of fault.cpp that carries this mark in a comment."""
    with open(f"{ROOT}/tests/chip/fault.cpp") as file:
        return next(number for number, line in enumerate(file, 1) if f"// await: {mark}" in line)


def presses(preset):
    """The showdown: presses the button three times, a tenth of a second apart, in real time."""
    elf = f"{ROOT}/build/{preset}/examples/firmware_showdown/showdown.elf"
    with subprocess.Popen([f"{ROOT}/scripts/emulate.sh", elf], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env=with_board(preset), text=True, bufsize=0) as chip:
        timer = threading.Timer(30, chip.kill)
        timer.start()
        said, wrong = [], []
        for expected in ("led on", "blinks every 500 ms", "blinks every 250 ms", "blinks every 125 ms", "blinks every 1000 ms"):
            while line := chip.stdout.readline():
                said.append(line)
                if line == expected + "\n":
                    break
            else:
                wrong.append(f"not printed: {expected}")
                break
            chip.stdin.write("q" if "1000" in expected else "x")
        status = chip.wait()
        timer.cancel()
    toggles = [line for line in said if line.startswith("led")]
    if toggles[:2] != ["led on\n", "led off\n"][:len(toggles[:2])] or len(toggles) < 2:
        wrong.append("the LED does not blink")
    if status != 0:
        wrong.append(f"it ended with {status}")
    report(f"{preset}: showdown", wrong and wrong + said[-8:])


def serial_echo(preset):
    """64 KiB go in and come back through the driver of the chip's UART."""
    sent = random.Random(preset).randbytes(65536)
    elf = f"{ROOT}/build/{preset}/tests/chip/serial.elf"
    with subprocess.Popen([f"{ROOT}/scripts/emulate.sh", elf], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env=with_board(preset)) as chip:
        timer = threading.Timer(60, chip.kill)
        timer.start()
        ready = chip.stdout.readline()
        came, _ = chip.communicate(len(sent).to_bytes(4, "little") + sent)
        timer.cancel()
    wrong = [] if ready == b"ready\n" else [f"it said {ready!r}"]
    if came[:len(sent)] != sent:
        wrong.append("other bytes came back")
    if came[len(sent):] != b"\nleft 0, lost 0\n":
        wrong.append(f"{len(came)} bytes came back, then {came[len(sent):][:80]!r}")
    if chip.returncode != 0:
        wrong.append(f"it ended with {chip.returncode}")
    report(f"{preset}: serial", wrong)


def console(preset):
    """The same through a virtio console, whose other end is a socket here."""
    sent = random.Random(preset).randbytes(65536)
    with tempfile.TemporaryDirectory() as folder:
        line = hosts.Line(f"{folder}/line", sent)
        self_test(preset, "console", 2, *VIRTIO, "-device", "virtio-serial-device", "-chardev",
                  f"socket,id=line,path={folder}/line,server=on,wait=on", "-device", "virtconsole,chardev=line", seconds=60, real_time=True)
        line.join(10)
    report(f"{preset}: 64 KiB through a virtio console", [] if line.came == b"ready\n" + sent
           else [f"{len(line.came)} bytes came back, and others: {line.came[:40]!r}"])
    clean(preset, "tests/chip/console")


# Devices of the standard's version 1, which QEMU makes only when asked.
VIRTIO = ["-global", "virtio-mmio.force-legacy=false"]


def disk_options(path):
    return [*VIRTIO, "-drive", f"file={path},if=none,format=raw,id=disk", "-device", "virtio-blk-device,drive=disk"]


def virtio(preset):
    with tempfile.NamedTemporaryFile() as image:
        image.truncate(1 << 20)
        self_test(preset, "virtio", 8, *disk_options(image.name), "-device", "virtio-rng-device", seconds=30,
                  real_time=True)
        image.seek(0)
        wrong = [f"sector {n} on the medium" for n in range(12)
                 if image.read(512) != bytes((n * 31 + i) % 256 for i in range(512))]
        report(f"{preset}: what was written is on the medium", wrong)
    clean(preset, "tests/chip/virtio")


def round_trip(port, sent):
    """What comes back from the chip's echo, until it closes in answer to our end."""
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.settimeout(30)

        def feed():
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)

        feeder = threading.Thread(target=feed)
        feeder.start()
        came = b""
        while part := client.recv(65536):
            came += part
        feeder.join()
    return came


def echoes(preset):
    """TCP and UDP through QEMU's user network: large payloads, several clients, and clients that break off."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    elf = f"{ROOT}/build/{preset}/examples/firmware_echo/echo.elf"
    wrong = []
    with subprocess.Popen(
        [f"{ROOT}/scripts/emulate.sh", elf, *VIRTIO, "-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:7,hostfwd=udp:127.0.0.1:{port}-10.0.2.15:7",
         "-device", "virtio-net-device,netdev=net", "-device", "virtio-rng-device"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as chip:
        timer = threading.Timer(120, chip.kill)
        timer.start()
        try:
            if (line := chip.stdout.readline()) != b"listening on port 7\n":
                wrong.append(f"it said {line!r}")
            payload = random.Random(preset).randbytes(200_000)
            if round_trip(port, payload) != payload:
                wrong.append("200 kB: other bytes came back")
            # More than the pools hold, one after the other: nothing leaks. Every other one resets its connection.
            for i in range(60):
                if i % 2:
                    with socket.create_connection(("127.0.0.1", port), 10) as client:
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        client.sendall(payload[:5000])
                elif round_trip(port, payload[i : i + 100]) != payload[i : i + 100]:
                    wrong.append(f"client {i}: other bytes came back")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(10)
                client.connect(("127.0.0.1", port))
                for size in (1, 100, 1472):
                    client.send(payload[:size])
                    if client.recv(2000) != payload[:size]:
                        wrong.append(f"a datagram of {size} bytes came back as another one")
            came = {}
            clients = [threading.Thread(target=lambda i=i: came.update({i: round_trip(port, payload[i:])})) for i in range(4)]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            wrong += [f"client {i} of four: other bytes came back" for i in range(4) if came.get(i) != payload[i:]]
        except OSError as e:
            wrong.append(f"the connection failed: {e}")
        if chip.poll() is not None:
            wrong.append(f"it ended with {chip.returncode}")
        chip.kill()
        timer.cancel()
        if wrong:
            wrong += chip.stdout.read().decode(errors="replace").splitlines()[-8:]
    report(f"{preset}: echo over TCP and UDP", wrong)
    clean(preset, "examples/firmware_echo/echo")


def key_value_server(preset):
    """examples/kv serves redis-cli and its like, and loses nothing when the power goes."""
    global passed, failed
    elf = f"{ROOT}/build/{preset}/examples/kv/kv.elf"
    # All of it once for each compiler and each size of a word; the others boot it and use it.
    tests = [] if preset in ("rv64-gcc", "rv32-clang") else ["redis_cli", "large_payload"]
    run = subprocess.run([sys.executable, f"{ROOT}/tests/kv/chip_test.py", elf, *tests], capture_output=True, text=True)
    good, bad = (len(re.findall(rf"^  {word}  ", run.stdout, re.M)) for word in ("ok  ", "FAIL"))
    closing = re.search(r"^(\d+) passed, (\d+) failed$", run.stdout, re.M)
    wrong = [] if closing and good >= (len(tests) or 10) and run.returncode == 0 else run.stdout.splitlines()[-30:] + run.stderr.splitlines()[-8:]
    report(f"{preset}: kv, {good} tests", wrong)
    passed += good
    failed += bad
    clean(preset, "examples/kv/kv")


def socket_tests(preset):
    """tests/chip/sockets.cpp, and the host that it talks to."""
    with hosts.for_sockets() as host:
        self_test(preset, "sockets", 28, *VIRTIO, "-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{host.chip_port}-10.0.2.15:7",
                  "-device", "virtio-net-device,netdev=net", "-device", "virtio-rng-device", seconds=90, real_time=True)
    report(f"{preset}: the host has seen the same", host.wrong)
    self_test(preset, "silence", 4, *VIRTIO, "-netdev", "user,id=net", "-device", "virtio-net-device,netdev=net", seconds=60)
    clean(preset, "tests/chip/sockets")


def warm_up(path):
    """Sets the temperature of the emulated sensor, as soon as there is one."""
    for _ in range(100):
        try:
            with socket.socket(socket.AF_UNIX) as monitor:
                monitor.connect(path)
                with monitor.makefile("rw") as lines:
                    lines.readline()  # the greeting
                    change = {"path": "/machine/peripheral/sensor", "property": "temperature", "value": 25125}
                    for command in ({"execute": "qmp_capabilities"}, {"execute": "qom-set", "arguments": change}):
                        lines.write(json.dumps(command) + "\n")
                        lines.flush()
                        lines.readline()
                    return
        except OSError:
            time.sleep(0.05)


def devices(preset):
    if preset.startswith("rv"):
        self_test(preset, "devices", 6, seconds=30, real_time=True)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/monitor"
            warmth = threading.Thread(target=warm_up, args=[path])
            warmth.start()
            self_test(preset, "devices", 9, "-device", "tmp105,id=sensor,address=0x48", "-qmp",
                      f"unix:{path},server=on,wait=off", seconds=30, real_time=True)
            warmth.join()
    clean(preset, "tests/chip/devices")


def firmware(preset):
    refused(preset)
    devices(preset)
    if preset.startswith("rv"):
        virtio(preset)
        console(preset)
        self_test(preset, "overrun", 4, real_time=True)
        echoes(preset)
        key_value_server(preset)
        socket_tests(preset)
    serial_echo(preset)
    clean(preset, "tests/chip/serial")
    if preset.endswith("-harts"):
        self_test(preset, "harts", 9, real_time=True)
        clean(preset, "tests/chip/harts")
    for image, least in SELF_TESTS.items():
        self_test(preset, image, least)
        clean(preset, f"tests/chip/{image}")
    clean(preset, "examples/firmware/hello")
    if preset.startswith("m"):
        presses(preset)
    for fault, why in FAULTS.items():
        blamed = "fails" if fault == 0 else "breaks"
        prints(preset, f"tests/chip/fault_{fault}", [
            why, rf"^task .*{blamed}\(\) runs", rf"^    at (?:\S*/)?tests/chip/fault.cpp:{line_of(blamed)}$",
        ], [
            r"^task .*waits_in_a_child\(\) waits: waker$", rf"^    at (?:\S*/)?tests/chip/fault.cpp:{line_of('the innermost')}$",
            rf"^    at (?:\S*/)?tests/chip/fault.cpp:{line_of('its parent')}$",
        ], status=1)
    prints(preset, "examples/firmware/hello", ["^hello$", "^tick 1$", "^tick 2$", "^tick 3$"])


def test(preset):
    os.environ["HARTS"] = "2" if preset.endswith("-harts") else "1"  # for scripts/emulate.sh
    firmware(preset)
    core_tests(preset)


def test_apart(preset):
    """test(preset) in a process of its own: what it prints, and its counts."""
    run = subprocess.run([sys.executable, __file__, "--built", preset], capture_output=True, text=True)
    counts = re.search(r"^(\d+) passed, (\d+) failed\n\Z", run.stdout, re.M)
    if not counts:
        return f"{run.stdout}  FAIL  {preset}: it broke off\n{run.stderr[-2000:]}", 0, 1
    return run.stdout[: counts.start()], int(counts[1]), int(counts[2])


def main():
    global passed, failed
    presets = [word for word in sys.argv[1:] if word != "--built"]
    if "--built" in sys.argv:
        for preset in presets:
            test(preset)
    else:
        caught = forbidden(["malloc", "_Znwj", "__cxa_throw", "_ZSt9terminatev", "_ZSt20__throw_length_errorPKc", "free"])
        report("the check for forbidden symbols finds them", [] if len(caught) == 6 and not forbidden(["free_frame", "memcpy"])
               else [f"found {caught}"])
        built = []
        for preset in presets or PRESETS:
            build = subprocess.run([f"{ROOT}/scripts/firmware.sh", preset], capture_output=True, text=True)
            report(f"{preset} builds", build.stderr.splitlines() if build.returncode else [])
            if build.returncode == 0:
                built.append(preset)
        with ThreadPoolExecutor(2) as pool:
            for printed, good, bad in pool.map(test_apart, built):
                print(printed, end="", flush=True)
                passed += good
                failed += bad
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())

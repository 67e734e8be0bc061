#!/usr/bin/env bash
# Builds examples/kv for a RISC-V chip without an operating system, and boots it under QEMU until Ctrl-C. PORT, DISK and
# PRESET (rv32-gcc, rv32-clang, rv64-gcc, rv64-clang) may be set.
set -euo pipefail
cd "$(dirname "$0")/.."

port=${PORT:-6381}
preset=${PRESET:-rv64-gcc}
disk=${DISK:-data/chip.img}
case $preset in
rv32-* | rv64-*) ;;
*)
    echo "run-chip: $preset has no network card; rv32-gcc, rv32-clang, rv64-gcc and rv64-clang have one" >&2
    exit 2
    ;;
esac
scripts/install-dependencies.sh test
mkdir -p build/logs "$(dirname "$disk")"

log=build/logs/run-chip.log
printf 'Building examples/kv (%s) ...\n' "$preset"
if ! { cmake --preset "$preset" && cmake --build "build/$preset" --target kv; } >"$log" 2>&1; then
    cat "$log" >&2
    printf '\nThe build failed; the above is %s.\n' "$log" >&2
    exit 1
fi
[ -e "$disk" ] || truncate -s 64M "$disk"

cat <<END

A Redis-compatible server on a RISC-V chip without an operating system: TCP/IP, the commands and the log are in one image,
and QEMU is the chip. Its port is forwarded to 127.0.0.1:$port; its disk is $disk. In another terminal:

    redis-cli -p $port set a 1
    redis-cli -p $port get a

Ctrl-C pulls the plug, which loses nothing that was acknowledged. 'redis-cli -p $port shutdown' ends it in order.

END
exec examples/kv/chip/boot.sh "build/$preset/examples/kv/kv.elf" "$disk" "$port"

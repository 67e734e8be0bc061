#!/usr/bin/env bash
# Boots the server's image: a network card whose port 6379 is the host's, a disk, and a source of random bytes.
#
#   boot.sh <kv.elf> <disk image> <port on 127.0.0.1>
set -euo pipefail
exec "$(dirname "$0")/../../../scripts/emulate.sh" "$1" -global virtio-mmio.force-legacy=false \
    -netdev "user,id=net,hostfwd=tcp:127.0.0.1:$3-10.0.2.15:6379" -device virtio-net-device,netdev=net \
    -drive "file=$2,if=none,format=raw,id=disk" -device virtio-blk-device,drive=disk -device virtio-rng-device

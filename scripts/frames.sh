#!/usr/bin/env bash
# Reports the frames and the RAM of every firmware that was built: scripts/frames.sh [preset]...
set -euo pipefail
cd "$(dirname "$0")/.."
for preset in "${@:-rv32-gcc}"; do
    for firmware in build/"$preset"/examples/firmware*/*.elf; do
        printf '\n%s\n' "$firmware"
        python3 tools/frames.py report "$firmware"
    done
done

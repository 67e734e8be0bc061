#!/usr/bin/env bash
# Boots firmware under QEMU; its console is standard output, its exit status is the firmware's.
#
#   scripts/emulate.sh <firmware.elf> [QEMU option]...
#
# The machine is that of the ELF file; BOARD=mps2-an385 is the Cortex-M3 in place of the M4, HARTS=2 a RISC-V with two.
set -euo pipefail
image=$1
shift
case $(LC_ALL=C readelf -h "$image" | tr -s ' ' | grep -E '^ (Class|Machine):' | tr -d '\n') in
*ELF64*RISC-V*) emulator=(qemu-system-riscv64 -M virt -bios none -smp "${HARTS:-1}") ;;
*ELF32*RISC-V*) emulator=(qemu-system-riscv32 -M virt -bios none -smp "${HARTS:-1}") ;;
*ARM*) emulator=(qemu-system-arm -M "${BOARD:-mps2-an386}" -semihosting-config enable=on,target=native) ;;
*)
    echo "emulate: no machine for $image" >&2
    exit 2
    ;;
esac
exec "${emulator[@]}" -display none -monitor none -serial stdio "$@" -kernel "$image"

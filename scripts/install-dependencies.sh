#!/usr/bin/env bash
# Installs what weft needs on Debian 12, and only what is missing.
#
#   scripts/install-dependencies.sh [run|test|figures|bench|all]... [--list]
#
# run      what a build of the library and the examples needs
# test     what `make test` needs: the second compiler, cross compilers, real clients
# figures  what `make figures` needs
# bench    what `make bench` needs: that, the peers that weft is measured beside, and the plots
# --list   prints the packages of the groups, installs nothing
set -euo pipefail

run_packages=(
    g++-12 g++ cmake ninja-build pkgconf liburing-dev
    redis-tools # redis-cli, to talk to the example
)
test_packages=(
    "${run_packages[@]}"
    git ccache libgtest-dev libgmock-dev libseccomp-dev
    clang-22 libclang-rt-22-dev lld-22 llvm-22 clang-format-22
    gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf
    gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib qemu-system-misc qemu-system-arm
    dpkg-dev # unpacks the source of lwIP: see fetch-lwip.sh
    redis-server libhiredis-dev python3 socat gdb valgrind
)
figures_packages=(
    "${run_packages[@]}"
    ccache clang-22 lld-22 llvm-22 valgrind redis-server python3
)
# The Rust that Debian keeps new for its browsers, unless its plain one is here: they exclude each other.
rust=(rustc-web cargo-web)
if [ "$(dpkg-query -W -f '${db:Status-Status}' rustc 2>/dev/null || true)" = installed ]; then rust=(rustc cargo); fi
bench_packages=(
    "${figures_packages[@]}"
    libboost1.81-dev libuv1-dev libtbb-dev golang-go "${rust[@]}" librust-tokio-dev librust-rayon-dev
    python3-matplotlib
)

fail() {
    printf 'install-dependencies: %s\n' "$1" >&2
    exit 1
}

wanted=()
list_only=no
[ $# -gt 0 ] || set -- all
for argument in "$@"; do
    case $argument in
    run) wanted+=("${run_packages[@]}") ;;
    test) wanted+=("${test_packages[@]}") ;;
    figures) wanted+=("${figures_packages[@]}") ;;
    bench) wanted+=("${bench_packages[@]}") ;;
    all) wanted+=("${test_packages[@]}" "${bench_packages[@]}") ;;
    --list) list_only=yes ;;
    *) fail "unknown group '$argument' (run, test, figures, bench or all)" ;;
    esac
done
mapfile -t wanted < <(printf '%s\n' "${wanted[@]}" | sort -u)
if [ $list_only = yes ]; then
    printf '%s\n' "${wanted[@]}"
    exit 0
fi

command -v dpkg-query >/dev/null || fail "this is no Debian (no dpkg-query). Install by hand: ${wanted[*]}"

missing=()
for package in "${wanted[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root=()
elif command -v sudo >/dev/null; then
    as_root=(sudo)
else
    fail "must be root or have sudo to install: ${missing[*]}"
fi

printf 'Installing: %s\n' "${missing[*]}"
"${as_root[@]}" apt-get -q update ||
    fail "apt-get update failed (see above); the packages still missing: ${missing[*]}"
for package in "${missing[@]}"; do
    if [ -z "$(apt-cache --quiet policy "$package" | sed -n 's/^ *Candidate: //p' | grep -v '(none)')" ]; then
        hint=
        case $package in
        *-22*) hint=" (Clang 22 for Debian 12 is in bookworm-security, or at https://apt.llvm.org)" ;;
        esac
        fail "no package source offers $package$hint"
    fi
done

# redis-server comes along for comparison only. Debian would start it on port 6379 at once and at every
# boot, and a build must not leave a service behind that nobody asked for: so its start is refused while
# it is being installed, and it is disabled after. A redis-server that was here before is left alone.
new_redis=no
policy=/usr/sbin/policy-rc.d
policy_is_ours=no
for package in "${missing[@]}"; do [ "$package" != redis-server ] || new_redis=yes; done
drop_policy() {
    [ $policy_is_ours = no ] || "${as_root[@]}" rm -f "$policy"
    policy_is_ours=no
}
if [ $new_redis = yes ] && [ ! -e "$policy" ]; then
    trap drop_policy EXIT
    policy_is_ours=yes
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
fi

"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "${missing[@]}" ||
    fail "apt-get install failed (see above)"

drop_policy
if [ $new_redis = yes ]; then
    # Both are there on every Debian, whichever init system runs; each looks after its own kind of link.
    "${as_root[@]}" deb-systemd-helper disable redis-server.service >/dev/null 2>&1 || true
    "${as_root[@]}" update-rc.d redis-server disable >/dev/null 2>&1 || true
fi

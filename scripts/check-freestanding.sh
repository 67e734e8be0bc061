#!/usr/bin/env bash
# Proves that the core needs no OS, heap, exceptions, RTTI, TLS or static constructors: compiles it for three
# machines with both compilers, links the objects into one, and looks at what that still asks for. Then
# proves the proof: sources that break a rule must be caught.
#
# The last line is "N passed, N failed".
set -uo pipefail
shopt -s lastpipe # so that what `report` counts at the end of a pipe is counted here
cd "$(dirname "$0")/.." || exit 1

out=build/freestanding
rm -rf "$out"
mkdir -p "$out"
jobs=$(nproc)

common=(-std=c++23 -ffreestanding -fno-exceptions -fno-rtti -Os -Wall -Wextra -Werror -I.
    # Unwind tables ask for a personality routine on Arm, and Debian's default PIE for a GOT; neither is ours.
    -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-stack-protector)
# Debian's RISC-V compiler has no C++ headers, and Clang knows no bare-metal ones: the Arm package's newlib
# headers serve header-only. (A _zicsr suffix to -march would break libgcc's choice of multilib.)
newlib=(-nostdinc++ -isystem /usr/include/newlib/c++/12.2.1
    -isystem /usr/include/newlib/c++/12.2.1/arm-none-eabi)
picolibc=(-isystem /usr/lib/picolibc/riscv64-unknown-elf/include)

machines=(x86_64-gcc x86_64-clang riscv32-gcc riscv32-clang cortex_m4-gcc cortex_m4-clang cortex_m3-gcc)
compiler_of() { # sets compiler=(…)
    case $1 in
    x86_64-gcc) compiler=(g++-12 -fno-pie) ;;
    x86_64-clang) compiler=(clang++-22 -fno-pie) ;;
    riscv32-gcc) compiler=(riscv64-unknown-elf-g++ -march=rv32imac -misa-spec=2.2 -mabi=ilp32 -mcmodel=medany
        "${newlib[@]}" "${picolibc[@]}") ;;
    riscv32-clang) compiler=(clang++-22 --target=riscv32-unknown-elf -march=rv32imac -mabi=ilp32 -mcmodel=medany
        "${newlib[@]}" "${picolibc[@]}") ;;
    cortex_m4-gcc) compiler=(arm-none-eabi-g++ -mthumb -mcpu=cortex-m4) ;;
    cortex_m4-clang) compiler=(clang++-22 --target=thumbv7em-none-eabi -mcpu=cortex-m4 -mfloat-abi=soft
        "${newlib[@]}" -isystem /usr/include/newlib) ;;
    cortex_m3-gcc) compiler=(arm-none-eabi-g++ -mthumb -mcpu=cortex-m3) ;;
    esac
}

compile() { # machine source object [flag...]
    local compiler machine=$1 source=$2 object=$3
    shift 3
    compiler_of "$machine"
    "${launcher[@]}" "${compiler[@]}" "${common[@]}" "$@" -c "$source" -o "$object"
}

# What may stay undefined: the mem functions and strlen, which compilers call by themselves and ports/chip/compiler has, the
# compiler's integer helpers, and the port contract.
integer_helpers='__(u?div|u?mod|u?divmod|mul|ashl|lshr|ashr|u?cmp|clz|ctz|ffs|popcount|parity|neg|bswap)[sdt]i[234]?'
arm_helpers='__aeabi_(idiv|uidiv|idivmod|uidivmod|ldivmod|uldivmod|lmul|llsl|llsr|lasr|lcmp|ulcmp)'
allowed="^(mem(cpy|move|set|cmp)|strlen|__aeabi_mem(cpy|move|set|clr)[48]?|${integer_helpers}|${arm_helpers})$"
# What must not even be defined, since somebody would call it.
forbidden='^(_Zn[wa]|_Zd[la]|__cxa_|__atomic_|__emutls|__tls_|__aeabi_read_tp|__gxx_)'

is_promised() { # demangled: weft::port::f is in the port contract, weft::testing::f in that of the tests' port
    local name
    case $1 in
    weft::port::*) name=${1#weft::port::} && grep -qE "\b${name%%(*}\(" weft/core/port.hpp ;;
    weft::testing::*) name=${1#weft::testing::} && grep -qE "\b${name%%(*}\(" "${test_headers[@]}" ;;
    *) return 1 ;;
    esac
}

# Prints a line for each broken rule; says nothing when the object is freestanding.
judge() { # object
    local symbol
    while read -r symbol; do
        [[ $symbol =~ $allowed ]] && continue
        is_promised "$(llvm-cxxfilt-22 "$symbol")" && continue
        echo "undefined: $(llvm-cxxfilt-22 "$symbol")"
    done < <(llvm-nm-22 --undefined-only --format=just-symbols "$1")
    llvm-nm-22 --format=just-symbols "$1" | grep -E "$forbidden" | sort -u | while read -r symbol; do
        echo "forbidden: $(llvm-cxxfilt-22 "$symbol")"
    done
    llvm-readelf-22 -W -S "$1" |
        grep -oE ' \.((preinit|init|fini)_array|ctors|dtors|tdata|tbss)[^ ]*' | sort -u | sed 's/^ /section: /'
    llvm-readelf-22 -W -s "$1" | awk '$4 == "TLS" { print "thread-local: " $8 }' | sort -u
}

passed=0
failed=0
report() { # name, then what is wrong on standard input
    local wrong
    wrong=$(cat)
    if [ -z "$wrong" ]; then
        passed=$((passed + 1))
        echo "  ok    $1"
    else
        failed=$((failed + 1))
        echo "  FAIL  $1"
        printf '%s\n' "$wrong" | sed 's/^/        /' | head -n 12
    fi
}

launcher=()
if command -v ccache >/dev/null; then launcher=(ccache); fi

for tool in g++-12 clang++-22 riscv64-unknown-elf-g++ arm-none-eabi-g++ ld.lld-22 llvm-nm-22 llvm-readelf-22; do
    if ! command -v $tool >/dev/null; then
        echo "check-freestanding: $tool is missing; scripts/install-dependencies.sh test installs it" >&2
        echo "0 passed, 1 failed"
        exit 1
    fi
done

# Every header by itself, then all in one unit, then the unit that uses them.
# (What stands on testing.hpp is for tests.)
mapfile -t headers < <(grep -L "weft/core/testing\.hpp" weft/core/*.hpp weft/core/machine/*.hpp drivers/*.hpp | grep -v '/testing')
mapfile -t test_headers < <(ls weft/core/testing*.hpp && grep -l 'weft/core/testing\.hpp' weft/core/*.hpp)
mapfile -t sources < <(find weft/core drivers -name '*.cpp' ! -name '*_test.cpp' ! -name '*_fuzz.cpp' ! -name 'testing*' | sort)
printf '#include <%s>\n' "${headers[@]}" >"$out/every_header.cpp"
sources+=("$out/every_header.cpp")
if [ -e tests/freestanding/instantiate.cpp ]; then sources+=(tests/freestanding/instantiate.cpp); fi

echo "headers by themselves"
alone() {
    printf '#include <%s>\n' "$1" | g++-12 "${common[@]}" -fsyntax-only -x c++ - 2>&1 | head -n 12
}
for header in "${headers[@]}"; do
    alone "$header" | report "$header"
done

echo "the core, ${#sources[@]} units"
check_machine() { # machine variant [flag...]; what is wrong goes to a file
    local machine=$1 variant=$2 source object objects=() dir compiled=yes units=("${sources[@]}")
    shift 2
    [ "$variant" != tests ] || units+=("${tests[@]}")
    dir=$out/$machine-$variant
    mkdir -p "$dir"
    {
        for source in "${units[@]}"; do
            object=$dir/$(basename "${source%.cpp}").o
            objects+=("$object")
            compile "$machine" "$source" "$object" "$@" 2>&1 || compiled=no
        done
        if [ $compiled = yes ] && ld.lld-22 -r "${objects[@]}" -o "$dir/core.o" 2>&1; then
            judge "$dir/core.o"
        else
            echo "not linked"
        fi
    } >"$dir/wrong" 2>&1
}
flags_of_checked=()
flags_of_release=(-DNDEBUG)
flags_of_tests=(-DWEFT_TEST_ON_CHIP)
variants=()
for machine in "${machines[@]}"; do
    variants+=("$machine checked")
    # Compiled a second time only if it makes a difference.
    ! grep -q NDEBUG weft/core/*.[hc]pp weft/core/machine/*.[hc]pp || variants+=("$machine release")
done
# The core's tests are to run on chips too, so they keep the same rules.
mapfile -t tests < <(find weft/core drivers -name '*_test.cpp' | sort)
variants+=("riscv32-gcc tests" "cortex_m4-clang tests")
for each in "${variants[@]}"; do
    read -r machine variant <<<"$each"
    declare -n flags=flags_of_$variant
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
    check_machine "$machine" "$variant" "${flags[@]}" &
done
wait
for each in "${variants[@]}"; do
    read -r machine variant <<<"$each"
    dir=$out/$machine-$variant
    size=$(llvm-size-22 "$dir/core.o" 2>/dev/null | awk 'NR == 2 { print $1 " bytes of text, " $2 + $3 " of data" }')
    report "$machine, $variant: ${size:-nothing linked}" <"$dir/wrong"
done

echo "the check itself"
must() { # accept|catch, machine, name, pattern of the complaint; the source is on standard input
    local source=$out/$3.cpp object=$out/$3-$2.o complaint
    cat >"$source"
    complaint=$({ compile "$2" "$source" "$object" -Wno-error && judge "$object"; } 2>&1)
    case $1 in
    accept) printf '%s' "$complaint" ;;
    catch) [[ $complaint =~ $4 ]] || printf 'not caught; the complaint was: %s' "${complaint:-none}" ;;
    esac | report "must $1 $3 on $2"
}
for machine in x86_64-gcc x86_64-clang riscv32-gcc riscv32-clang cortex_m4-gcc cortex_m4-clang; do
    must accept "$machine" integers_and_memory '' <<'END'
#include <weft/core/port.hpp>
struct block { char bytes[400]; };
void copy(block& to, const block& from) { to = from; }
unsigned long long divide(unsigned long long a, unsigned long long b) { return a / b; }
int bits(unsigned long long a) { return __builtin_popcountll(a) + __builtin_clzll(a); }
long long time() { return weft::port::now(); }
END
    must catch "$machine" static_constructor 'section: \.(init_array|ctors)' <<'END'
int start();
int started = start();
END
    must catch "$machine" operator_new 'operator new' <<'END'
int* make() { return new int(1); }
END
    must catch "$machine" operator_delete 'operator delete' <<'END'
void drop(int* p) { delete p; }
END
    must catch "$machine" a_throw 'exception' <<'END'
void fail() { throw 1; }
END
    must catch "$machine" function_static '__cxa_guard|section: \.' <<'END'
int start();
int& once() { static int value = start(); return value; }
END
    must catch "$machine" pure_virtual '__cxa_pure_virtual' <<'END'
struct base { virtual void run() = 0; base(); };
base::base() {}
END
    must catch "$machine" thread_local_variable 'thread-local|section: \.t|__emutls|__tls|__aeabi_read_tp' <<'END'
thread_local int counter;
int next() { return ++counter; }
END
    must catch "$machine" another_library 'undefined: malloc' <<'END'
extern "C" void* malloc(__SIZE_TYPE__);
void* get() { return malloc(8); }
END
    must catch "$machine" outside_the_contract 'undefined: weft::port::not_promised' <<'END'
namespace weft::port { void not_promised(int); }
void ask() { weft::port::not_promised(1); }
END
done
for machine in riscv32-gcc riscv32-clang cortex_m4-gcc cortex_m4-clang; do
    must catch "$machine" wide_atomic '__atomic_fetch_add_8' <<'END'
unsigned long long counter;
void count() { __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED); }
END
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

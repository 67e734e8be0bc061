#!/usr/bin/env bash
# Installs weft into an empty prefix, once built by each compiler, and builds tests/package from there as a
# user would: by find_package and by pkg-config, with each compiler. The last line is "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

out=$PWD/build/package
rm -rf "$out"
mkdir -p "$out"
passed=0
failed=0
check() { # name command...
    local name=$1 log=$out/$((passed + failed)).log
    shift
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        echo "  ok    $name"
    else
        failed=$((failed + 1))
        echo "  FAIL  $name"
        tail -n 30 "$log" | sed 's/^/        /'
        return 1
    fi
}

install_weft() { # preset prefix
    cmake --preset "$1" &&
        cmake --build "build/$1" --target weft_core weft_linux &&
        cmake --install "build/$1" --prefix "$2"
}
by_find_package() { # prefix compiler build_dir
    cmake -G Ninja -S tests/package -B "$3" -DCMAKE_PREFIX_PATH="$1" -DCMAKE_CXX_COMPILER="$2" \
        -DCMAKE_BUILD_TYPE=Release && cmake --build "$3" && "$3/consumer"
}
by_pkg_config() { # prefix compiler build_dir
    local flags
    mkdir -p "$3"
    flags=$(PKG_CONFIG_PATH=$(find "$1" -name pkgconfig -type d) pkg-config --cflags --libs weft) || return 1
    # shellcheck disable=SC2086 # the flags are words
    "$2" -O2 -Wall -Wextra -Werror tests/package/main.cpp -o "$3/consumer" $flags && "$3/consumer"
}
# The program that the READMEs show, with the headers that it needs.
readme_program() { # readme prefix compiler build_dir
    local flags
    mkdir -p "$4"
    flags=$(PKG_CONFIG_PATH=$(find "$2" -name pkgconfig -type d) pkg-config --cflags --libs weft) || return 1
    {
        printf '#include <%s>\n' array weft/core/ok.hpp weft/core/scope.hpp weft/io/tcp.hpp weft/runtime/run.hpp
        sed -n '/^```cpp$/,/^```$/{/^```/!p}' "$1"
    } >"$4/readme.cpp"
    # shellcheck disable=SC2086 # the flags are words
    "$3" -O2 -Wall -Wextra -Werror "$4/readme.cpp" -o "$4/readme" $flags
}
# A header that includes one which is not installed would work in the tree and nowhere else.
headers_stand_alone() { # prefix
    local header
    (cd "$1/include" && find weft -name '*.hpp' | sort) | while read -r header; do
        printf '#include <%s>\n' "$header" | g++-12 -std=c++23 -fsyntax-only -I"$1/include" -x c++ - || exit 1
    done
}

for preset in gcc-release clang-release; do
    prefix=$out/$preset
    check "install from $preset" install_weft "$preset" "$prefix" || continue
    [ "$preset" != gcc-release ] || check "installed headers stand alone" headers_stand_alone "$prefix"
    for compiler in g++-12 clang++-22; do
        check "find_package, weft by $preset, program by $compiler" \
            by_find_package "$prefix" "$compiler" "$out/find_package-$preset-$compiler"
        check "README.md's and README.zh.md's program, weft by $preset, program by $compiler" \
            eval "readme_program README.md $prefix $compiler $out/readme-$preset-$compiler &&
                readme_program README.zh.md $prefix $compiler $out/readme-$preset-$compiler"
        check "pkg-config, weft by $preset, program by $compiler" \
            by_pkg_config "$prefix" "$compiler" "$out/pkg_config-$preset-$compiler"
    done
done
# weft as a part of another project's tree, and that one's tests on the hand port. Hardly optimised: it is about CMake.
as_a_part() { # build_dir
    cmake -G Ninja -S tests/docs/consumer -B "$1" -DCMAKE_CXX_COMPILER=g++-12 -DCMAKE_CXX_COMPILER_LAUNCHER=ccache \
        -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O1 && cmake --build "$1" && ctest --test-dir "$1" --output-on-failure
}
check "add_subdirectory" as_a_part "$out/as_a_part"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

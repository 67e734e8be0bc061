# For people; everything behind it is plain CMake (CMakePresets.json) and scripts/.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run run-chip build firmware frames test figures chip-figures bench check-freestanding check-fuzz check-seeds check-all format tidy clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' Makefile

run: ## build a release and serve examples/kv on 127.0.0.1:6380 until Ctrl-C (PORT=, DATA=)
	@scripts/run.sh

run-chip: ## build examples/kv for a RISC-V chip and boot it under QEMU, served on 127.0.0.1:6381 (PORT=, DISK=, PRESET=rv64-gcc)
	@scripts/run-chip.sh

build: ## build the library and the examples (PRESET=gcc-release)
	@scripts/install-dependencies.sh run
	@cmake --preset $(or $(PRESET),gcc-release) -DWEFT_BUILD_TESTS=OFF
	@cmake --build build/$(or $(PRESET),gcc-release)

firmware: ## build the firmware for the chips: RISC-V and Cortex-M, both compilers (FIRMWARE=rv32-gcc …)
	@scripts/install-dependencies.sh test
	@scripts/firmware.sh $(FIRMWARE)

frames: ## every coroutine's frame in each firmware, by name, and where the RAM goes (FIRMWARE=rv32-gcc)
	@scripts/install-dependencies.sh test
	@scripts/firmware.sh $(or $(FIRMWARE),rv32-gcc) && scripts/frames.sh $(or $(FIRMWARE),rv32-gcc)

test: ## everything CI runs: both compilers, -O0 and -O2, sanitizers, freestanding, tidy, documents, package
	@scripts/test.sh

figures: ## measure weft beside the floors, with both compilers: name, value, goal, ok or short
	@scripts/measure.sh figures

bench: ## weft beside its peers: a report with plots in build/bench/ (takes twenty minutes)
	@scripts/measure.sh bench

chip-figures: ## instructions, RAM and text of weft on the emulated chips: name, value, goal, ok or short
	@scripts/chip-figures.sh

check-freestanding: ## the core for x86-64, riscv32 and Cortex-M: no heap, no OS, no exceptions
	@scripts/install-dependencies.sh test
	@scripts/check-freestanding.sh

check-fuzz: ## fuzz each target for ten minutes (SECONDS_EACH=600)
	@scripts/install-dependencies.sh test
	@scripts/fuzz.sh $(or $(SECONDS_EACH),600)

check-seeds: FIRST ?= 1
check-seeds: SEEDS ?= 20000
check-seeds: ## the core's tests in the orders of many seeds (SEEDS=20000 FIRST=1)
	@scripts/install-dependencies.sh test
	@cmake --preset gcc-release >/dev/null && cmake --build build/gcc-release --target weft_core_seeded_test
	@seq $(FIRST) 500 $$(($(FIRST) + $(SEEDS) - 1)) | \
	    xargs -P "$$(nproc)" -I % build/gcc-release/weft_core_seeded_test % $$(($(SEEDS) < 500 ? $(SEEDS) : 500))

check-all: ## make test with more: every preset whole, every test repeated, longer fuzzing
	@scripts/test.sh --all

tidy: ## the house rules a program can check
	@scripts/install-dependencies.sh test
	@python3 tests/tidy.py

format: ## format all sources with clang-format-22
	@git ls-files --cached --others --exclude-standard '*.hpp' '*.cpp' '*.h' '*.c' | xargs -r clang-format-22 -i

clean: ## remove build/ (data/ stays)
	@rm -rf build

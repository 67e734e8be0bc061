// The registers of a Cortex-M3 or M4 core and of Arm's MPS2 boards that this port uses.
#pragma once

#include <cstdint>

#include <weft/core/mmio.hpp>

namespace weft::cortex_m {

// Armv7-M Architecture Reference Manual, B3.2 and B3.4 (NVIC, SCB), B3.5 (MPU).
inline constexpr std::uintptr_t nvic_enable = 0xe000e100;
inline constexpr std::uintptr_t nvic_disable = 0xe000e180;
inline constexpr std::uintptr_t nvic_pend = 0xe000e200;
inline constexpr std::uintptr_t nvic_priority = 0xe000e400; // a byte a line
inline constexpr std::uintptr_t system_handlers = 0xe000ed24;
inline constexpr std::uintptr_t configurable_fault_status = 0xe000ed28;
inline constexpr std::uintptr_t memory_fault_address = 0xe000ed34;
inline constexpr std::uintptr_t bus_fault_address = 0xe000ed38;
inline constexpr std::uintptr_t mpu_control = 0xe000ed94;
inline constexpr std::uintptr_t mpu_region = 0xe000ed98;
inline constexpr std::uintptr_t mpu_base = 0xe000ed9c;
inline constexpr std::uintptr_t mpu_attributes = 0xe000eda0;

// Arm's Application Notes AN385 and AN386, memory map; Cortex-M System Design Kit (CMSDK) for the devices. 25 MHz.
inline constexpr std::uintptr_t alarm_timer = 0x40000000;
inline constexpr std::uintptr_t clock_timer = 0x40001000;
inline constexpr std::uintptr_t uart = 0x40004000;
inline constexpr std::uint32_t nanoseconds_a_tick = 40;
inline constexpr unsigned alarm_line = 8;
inline constexpr unsigned clock_line = 9;

// Executor levels run in lines that the boards use for single pins of a port, which this port of weft leaves alone.
inline constexpr unsigned first_level_line = 28; // level 1
inline constexpr unsigned level_count = 4;

// Priorities, lower goes first. What stands above `masked` is never held up, and must not call weft.
inline constexpr std::uint32_t masked_priority = 0x20;
inline constexpr std::uint32_t device_priority = 0x40;
inline constexpr std::uint32_t level_priority(unsigned level) noexcept { return 0xe0 - 0x20 * (level - 1); }

} // namespace weft::cortex_m

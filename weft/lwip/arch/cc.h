/* What lwIP asks of compiler and machine. */
#pragma once
#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

/* The C library has it: lwIP is not to define ssize_t a second time. */
#ifndef SSIZE_MAX
#define SSIZE_MAX LONG_MAX
#endif

#define LWIP_NO_INTTYPES_H 1
#define LWIP_NO_UNISTD_H 1
#define LWIP_NO_CTYPE_H 1
#define LWIP_PROVIDE_ERRNO 1

#define X8_F "02x"
#define U16_F "u"
#define S16_F "d"
#define X16_F "x"
#define U32_F "u"
#define S32_F "d"
#define X32_F "x"
#define SZT_F "u"

#define BYTE_ORDER LITTLE_ENDIAN

#if defined(__cplusplus)
extern "C" {
#endif
void weft_lwip_panic(const char* why) __attribute__((noreturn));
unsigned weft_lwip_random(void);
#if defined(__cplusplus)
}
#endif

#define LWIP_RAND() weft_lwip_random()
#define LWIP_PLATFORM_DIAG(x)
#define LWIP_PLATFORM_ASSERT(why) weft_lwip_panic(why)

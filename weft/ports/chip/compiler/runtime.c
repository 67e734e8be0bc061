/* What the compilers and headers call by name: there is no C library here. Short rather than fast. */
#include <stddef.h>

void* memcpy(void* restrict to, const void* restrict from, size_t n);
void* memmove(void* to, const void* from, size_t n);
void* memset(void* to, int value, size_t n);
int memcmp(const void* a, const void* b, size_t n);
void* memchr(const void* in, int value, size_t n);
size_t strlen(const char* text);

__attribute__((used)) void* memcpy(void* restrict to, const void* restrict from, size_t n) {
    unsigned char* t = to;
    const unsigned char* f = from;
    while (n--) *t++ = *f++;
    return to;
}
__attribute__((used)) void* memmove(void* to, const void* from, size_t n) {
    unsigned char* t = to;
    const unsigned char* f = from;
    if (t <= f) {
        while (n--) *t++ = *f++;
    } else {
        while (n--) t[n] = f[n];
    }
    return to;
}
__attribute__((used)) void* memset(void* to, int value, size_t n) {
    unsigned char* t = to;
    while (n--) *t++ = (unsigned char)value;
    return to;
}
__attribute__((used)) int memcmp(const void* a, const void* b, size_t n) {
    const unsigned char* x = a;
    const unsigned char* y = b;
    for (; n; --n, ++x, ++y)
        if (*x != *y) return *x - *y;
    return 0;
}
__attribute__((used)) void* memchr(const void* in, int value, size_t n) {
    for (const unsigned char* x = in; n; --n, ++x)
        if (*x == (unsigned char)value) return (void*)x;
    return NULL;
}
__attribute__((used)) size_t strlen(const char* text) {
    size_t n = 0;
    while (text[n]) ++n;
    return n;
}

#if defined(__arm__)
/* The same by the names of the run-time ABI for the Arm architecture, section 4.3.4; the suffixes promise alignment. */
#define WEFT_ALIASES(suffix)                                                                                 \
    void __aeabi_memcpy##suffix(void* to, const void* from, size_t n);                                       \
    void __aeabi_memmove##suffix(void* to, const void* from, size_t n);                                      \
    void __aeabi_memset##suffix(void* to, size_t n, int value);                                              \
    void __aeabi_memclr##suffix(void* to, size_t n);                                                         \
    __attribute__((used)) void __aeabi_memcpy##suffix(void* to, const void* from, size_t n) {                \
        memcpy(to, from, n);                                                                                 \
    }                                                                                                        \
    __attribute__((used)) void __aeabi_memmove##suffix(void* to, const void* from, size_t n) {               \
        memmove(to, from, n);                                                                                \
    }                                                                                                        \
    __attribute__((used)) void __aeabi_memset##suffix(void* to, size_t n, int value) {                       \
        memset(to, value, n);                                                                                \
    }                                                                                                        \
    __attribute__((used)) void __aeabi_memclr##suffix(void* to, size_t n) { memset(to, 0, n); }
WEFT_ALIASES()
WEFT_ALIASES(4)
WEFT_ALIASES(8)
#endif

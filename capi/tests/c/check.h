/*
 * The checks of the C tests. Define `_POSIX_C_SOURCE` before including this.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <unistd.h>

#if defined(__cplusplus) && __cplusplus >= 201103L
#define STATIC_CHECK(condition) static_assert(condition, #condition)
#elif !defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define STATIC_CHECK(condition) _Static_assert(condition, #condition)
#else
#define STATIC_CHECK_NAME(line) static_check_of_line_##line
#define STATIC_CHECK_AT(condition, line) typedef char STATIC_CHECK_NAME(line)[(condition) ? 1 : -1]
#define STATIC_CHECK(condition) STATIC_CHECK_AT(condition, __LINE__)
#endif

/* _exit, because a check may fail in any thread, and in an atexit function. */
#define CHECK(condition)                                                                        \
    do {                                                                                        \
        if (!(condition)) {                                                                     \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);             \
            _exit(1);                                                                           \
        }                                                                                       \
    } while (0)

#define CHECK_EQ(actual, expected)                                                              \
    do {                                                                                        \
        unsigned long actual_ = (unsigned long)(actual);                                        \
        unsigned long expected_ = (unsigned long)(expected);                                    \
        if (actual_ != expected_) {                                                             \
            fprintf(stderr, "%s:%d: failed: %s == %s: %lu (%#lx) against %lu (%#lx)\n",         \
                    __FILE__, __LINE__, #actual, #expected, actual_, actual_, expected_,        \
                    expected_);                                                                 \
            _exit(1);                                                                           \
        }                                                                                       \
    } while (0)

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#endif

/*
 * The functions of the log that take the arguments of printf. Whether a record passes is known here, so that
 * the format of one that does not is never looked at, and so is who gets it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

typedef void (*logger)(unsigned, unsigned, const char *, const char *);

/* What programs have set; Rust writes these, as whole words. */
unsigned nngo_log_level = 5;
unsigned nngo_log_facility = 1;
logger nngo_log_logger = NULL;

/* Security, whatever facility was set. */
#define AUTH 10
/* The most bytes of a text, the end included; what is beyond is cut off. */
#define TEXT_SIZE 512

static void
record(unsigned level, unsigned facility, const char *msgid, const char *format, va_list arguments)
{
    char text[TEXT_SIZE];
    unsigned lowest = __atomic_load_n(&nngo_log_level, __ATOMIC_RELAXED);
    logger hear = __atomic_load_n(&nngo_log_logger, __ATOMIC_RELAXED);

    if (level > lowest || lowest == 0 || facility == 0 || hear == NULL || format == NULL) {
        return;
    }
    if (vsnprintf(text, sizeof text, format, arguments) >= 0) {
        hear(level, facility, msgid, text);
    }
}

#define DEFINE(name, level)                                                                            \
    void name(const char *msgid, const char *format, ...);                                             \
    void name(const char *msgid, const char *format, ...)                                              \
    {                                                                                                  \
        va_list arguments;                                                                             \
                                                                                                       \
        va_start(arguments, format);                                                                   \
        record(level, __atomic_load_n(&nngo_log_facility, __ATOMIC_RELAXED), msgid, format, arguments); \
        va_end(arguments);                                                                             \
    }

DEFINE(nngo_log_err, 3)
DEFINE(nngo_log_warn, 4)
DEFINE(nngo_log_notice, 5)
DEFINE(nngo_log_info, 6)
DEFINE(nngo_log_debug, 7)

void nngo_log_auth(unsigned level, const char *msgid, const char *format, ...);
void
nngo_log_auth(unsigned level, const char *msgid, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    record(level, AUTH, msgid, format, arguments);
    va_end(arguments);
}

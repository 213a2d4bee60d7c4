/*
 * Ask the host to do something while a guest program runs.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For tests that need "+host" (guests.tab). The question goes out with the
 * program's other lines, the answer comes in through the console. What can be
 * asked is in harness/service.py.
 */
#ifndef RIG_HOST_H
#define RIG_HOST_H

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define HOST_LINES 64
#define HOST_LINE 256

typedef struct HostAnswer {
    unsigned lines;
    char line[HOST_LINES][HOST_LINE];
} HostAnswer;

/* Nobody else reads the console. What comes in is not to be echoed there. */
static inline FILE *host_console(void)
{
    static FILE *console;
    struct termios mode;

    if (!console) {
        console = fopen("/dev/console", "r");
        if (console && tcgetattr(fileno(console), &mode) == 0) {
            mode.c_lflag &= ~(ECHO | ECHONL | ISIG);
            tcsetattr(fileno(console), TCSANOW, &mode);
        }
    }
    return console;
}

/*
 * Wait for the answer for as long as it takes: where time stands still while
 * the guest works (-icount), the guest's clock measures nothing of the host.
 * The harness stops a guest that hangs.
 */
static inline bool __attribute__((format(printf, 2, 3)))
host_ask(HostAnswer *answer, const char *format, ...)
{
    FILE *console = host_console();
    char line[HOST_LINE];
    va_list args;

    answer->lines = 0;
    printf("# host: ");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    while (console && fgets(line, sizeof(line), console)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (!strcmp(line, ".")) {
            return true;
        }
        if (line[0] == '!') {
            printf("# the host: %s\n", line + 2);
            return false;
        }
        if (answer->lines < HOST_LINES) {
            strcpy(answer->line[answer->lines++], line);
        }
    }
    return false;
}

/* Where only success matters. */
#define host_do(...) host_ask(&(HostAnswer) { 0 }, __VA_ARGS__)

static inline bool host_set(const char *device, const char *property, long v)
{
    return host_do("set %s %s %ld", device, property, v);
}

/* A number of query-pcie-fabric-counters; -1 if there is no such one. */
static inline long long host_counter(const char *device, const char *name)
{
    static HostAnswer answer;
    char key[64];
    const char *found = NULL;
    long long value = -1;

    snprintf(key, sizeof(key), " %s=", name);
    if (host_ask(&answer, "counters %s", device) && answer.lines == 1) {
        found = strstr(answer.line[0], key);
    }
    if (found) {
        sscanf(found + strlen(key), "%lld", &value);
    }
    return value;
}

#endif

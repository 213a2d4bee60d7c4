/*
 * Ask the host to do something while a guest program runs.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For tests that need "+host" (guests.tab): their guests have a rig-hostcall
 * (docs/system/devices/rig-hostcall.rst). No time passes in the guest while the
 * host works, so that how fast it is makes no difference to a test. What can be
 * asked is in harness/service.py.
 */
#ifndef RIG_HOST_H
#define RIG_HOST_H

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../include/hw/rig/hostcall.h"

#define HOST_LINES 64
#define HOST_LINE 256
#define HOST_QUESTION 1024

typedef struct HostAnswer {
    unsigned lines;
    char line[HOST_LINES][HOST_LINE];
} HostAnswer;

static inline int host_file(const char *device, const char *name, int flags)
{
    char path[128];

    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.32s/%s", device,
             name);
    return open(path, flags | O_CLOEXEC);
}

/* A number that sysfs has for a device; 0 if it has none */
static inline unsigned host_attribute(const char *device, const char *name)
{
    char text[32] = "";
    unsigned value = 0;
    int fd = host_file(device, name, O_RDONLY);

    if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0) {
        sscanf(text, "%x", &value);
    }
    if (fd >= 0) {
        close(fd);
    }
    return value;
}

/* Its registers, in the address space of this program; NULL */
static inline volatile uint32_t *host_map(const char *device)
{
    int fd = host_file(device, "enable", O_WRONLY);
    void *p = MAP_FAILED;

    if (fd >= 0) {
        if (write(fd, "1", 1) != 1) {
            perror("# rig-hostcall: enable");
        }
        close(fd);
    }
    fd = host_file(device, "resource0", O_RDWR | O_SYNC);
    if (fd >= 0) {
        p = mmap(NULL, RIG_HOSTCALL_BAR_SIZE, PROT_READ | PROT_WRITE,
                 MAP_SHARED, fd, 0);
        close(fd);
    }
    return p == MAP_FAILED ? NULL : p;
}

static inline volatile uint32_t *host_registers(void)
{
    static volatile uint32_t *registers;
    const struct dirent *e;
    DIR *devices;

    if (registers) {
        return registers;
    }
    devices = opendir("/sys/bus/pci/devices");
    while (devices && !registers && (e = readdir(devices))) {
        if (host_attribute(e->d_name, "vendor") == RIG_HOSTCALL_VENDOR_ID &&
            host_attribute(e->d_name, "device") == RIG_HOSTCALL_DEVICE_ID) {
            registers = host_map(e->d_name);
        }
    }
    if (devices) {
        closedir(devices);
    }
    if (registers && registers[RIG_HOSTCALL_ID / 4] != RIG_HOSTCALL_MAGIC) {
        registers = NULL;
    }
    return registers;
}

/* Send it, and wait; the state. The device takes whole words. */
static inline uint32_t host_send(volatile uint32_t *registers,
                                 const char *question)
{
    uint32_t len = strlen(question), state, word, i;

    for (i = 0; i < len; i += 4) {
        word = 0;
        memcpy(&word, question + i, len - i < 4 ? len - i : 4);
        registers[(RIG_HOSTCALL_QUESTION + i) / 4] = word;
    }
    registers[RIG_HOSTCALL_SEND / 4] = len;
    do {
        state = registers[RIG_HOSTCALL_WAIT / 4];
    } while (state == RIG_HOSTCALL_ASKED);
    return state;
}

/* The lines of the answer; of one that is too long, the first ones */
static inline void host_receive(volatile uint32_t *registers,
                                HostAnswer *answer)
{
    uint32_t len = registers[RIG_HOSTCALL_LENGTH / 4], word = 0, i;
    unsigned n = 0;

    answer->lines = 0;
    for (i = 0; i < len && answer->lines < HOST_LINES; i++) {
        char c;

        if (i % 4 == 0) {
            word = registers[(RIG_HOSTCALL_ANSWER + i) / 4];
        }
        c = word >> i % 4 * 8;
        if (c != '\n' && n < HOST_LINE - 1) {
            answer->line[answer->lines][n++] = c;
        }
        if (c == '\n' || i + 1 == len) {
            answer->line[answer->lines++][n] = '\0';
            n = 0;
        }
    }
}

/*
 * What is asked stands on the console as well, for the reader. A false says
 * why there.
 */
static inline bool __attribute__((format(printf, 2, 3)))
host_ask(HostAnswer *answer, const char *format, ...)
{
    volatile uint32_t *registers = host_registers();
    char question[HOST_QUESTION];
    uint32_t state;
    va_list args;

    va_start(args, format);
    vsnprintf(question, sizeof(question), format, args);
    va_end(args);
    answer->lines = 0;
    printf("# host: %s\n", question);
    if (!registers) {
        printf("# the host: this guest has no rig-hostcall that can be mapped\n");
        return false;
    }
    state = host_send(registers, question);
    host_receive(registers, answer);
    if (state != RIG_HOSTCALL_ANSWERED) {
        printf("# the host: %s (state %u)\n", answer->lines ? answer->line[0] :
               "no answer", (unsigned)state);
    }
    return state == RIG_HOSTCALL_ANSWERED;
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

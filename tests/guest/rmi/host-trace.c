/*
 * A host of the Realm Management Monitor: what it called, as one line of text
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each call is NAME=X0 in hexadecimal. Behind it comes ",REQUEST" if memory is
 * wanted, "/N" for what OP_MEM_DONATE took or OP_MEM_RECLAIM returned, "+N" or
 * "-N" for how far X1 of a range is from its base, ">N" the same of the X2 of
 * RTT_DESTROY. "*N": N times in a row. "!WHAT": the host does not like it.
 */
#include "host.h"

static const struct {
    uint16_t num;
    uint8_t group;
    uint8_t base;       /* input that the progress counts from */
    uint8_t top;        /* output with the progress */
    const char *name;
} names[] = {
    { VERSION, T_BOOT, 0, 0, "VERSION" },
    { FEATURES, T_BOOT, 0, 0, "FEATURES" },
    { CONFIG_SET, T_BOOT, 0, 0, "CONFIG_SET" },
    { ACTIVATE, T_BOOT | T_SRO, 0, 0, "ACTIVATE" },
    { TRACKING_GET, T_BOOT, 1, 3, "TRACKING_GET" },
    { GPT_L1_CREATE, T_BOOT, 0, 0, "GPT_L1_CREATE" },
    { GPT_INFO, T_BOOT, 1, 1, "GPT_INFO" },
    { DELEGATE, T_RANGE, 1, 1, "DELEGATE" },
    { UNDELEGATE, T_RANGE, 1, 1, "UNDELEGATE" },
    { REALM_CREATE, T_SRO, 0, 0, "REALM_CREATE" },
    { REALM_ACTIVATE, T_SRO, 0, 0, "REALM_ACTIVATE" },
    { REALM_TERMINATE, T_SRO, 0, 0, "REALM_TERMINATE" },
    { REALM_DESTROY, T_SRO, 0, 0, "REALM_DESTROY" },
    { REC_CREATE, T_SRO, 0, 0, "REC_CREATE" },
    { REC_DESTROY, T_SRO, 0, 0, "REC_DESTROY" },
    { OP_CONTINUE, T_SRO, 0, 0, "CONTINUE" },
    { OP_DONATE, T_SRO, 0, 0, "DONATE" },
    { OP_RECLAIM, T_SRO, 0, 0, "RECLAIM" },
    { OP_CANCEL, T_SRO, 0, 0, "CANCEL" },
    { RTT_CREATE, T_RTT, 0, 0, "RTT_CREATE" },
    { RTT_DESTROY, T_RTT, 2, 2, "RTT_DESTROY" },
    { RTT_FOLD, T_RTT, 0, 0, "RTT_FOLD" },
    { DATA_MAP_INIT, T_MAP, 0, 0, "DATA_MAP_INIT" },
    { DATA_MAP, T_MAP, 2, 1, "DATA_MAP" },
    { DATA_UNMAP, T_MAP, 2, 1, "DATA_UNMAP" },
    { UNPROT_MAP, T_MAP, 2, 1, "UNPROT_MAP" },
    { UNPROT_UNMAP, T_MAP, 2, 1, "UNPROT_UNMAP" },
    { INIT_RIPAS, T_MAP, 2, 1, "INIT_RIPAS" },
    { SET_RIPAS, T_MAP, 3, 1, "SET_RIPAS" },
    { REC_ENTER, T_REC, 0, 0, "REC_ENTER" },
    { PSCI_COMPLETE, T_REC, 0, 0, "PSCI_COMPLETE" },
};

#define LINE 2048

static char line[LINE], last[80];
static unsigned used, times, groups;

static void append(char *to, unsigned size, const char *text)
{
    unsigned n = 0;

    while (to[n]) {
        n++;
    }
    while (*text && n + 1 < size) {
        to[n++] = *text++;
    }
    to[n] = '\0';
}

static void append_number(char *to, unsigned size, uint64_t value,
                          unsigned base)
{
    char text[21];
    char *p = text + 20;

    *p = '\0';
    do {
        *--p = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    append(to, size, p);
}

static void append_signed(char *to, unsigned size, const char *plus,
                          uint64_t value, unsigned base)
{
    append(to, size, (int64_t)value < 0 ? "-" : plus);
    append_number(to, size, (int64_t)value < 0 ? -value : value, base);
}

static bool equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static void flush(void)
{
    if (!times) {
        return;
    }
    if (used++) {
        append(line, LINE, " ");
    }
    append(line, LINE, last);
    if (times > 1) {
        append(line, LINE, "*");
        append_number(line, LINE, times, 10);
    }
    times = 0;
}

static void add(const char *text)
{
    if (times && equal(text, last)) {
        times++;
        return;
    }
    flush();
    last[0] = '\0';
    append(last, sizeof(last), text);
    times = 1;
}

void trace_begin(unsigned which)
{
    line[0] = '\0';
    used = times = 0;
    groups = which;
}

void trace_note(const char *text)
{
    if (groups) {
        add(text);
    }
}

static void outputs(char *text, unsigned num, const uint64_t *in,
                    const uint64_t *answer, unsigned i)
{
    uint64_t x0 = answer[0];
    unsigned status = STATUS(x0);

    if (status == INCOMPLETE && MEM(x0) == DONATE) {
        append(text, sizeof(last), ",");
        append_number(text, sizeof(last), answer[2], 16);
    }
    if ((num == OP_DONATE || num == OP_RECLAIM) && status != BUSY &&
        status != BLOCKED && x0 != UNKNOWN) {
        append(text, sizeof(last), "/");
        append_signed(text, sizeof(last), "", answer[1], 10);
    }
    if (names[i].top && (x0 == SUCCESS || (num == RTT_DESTROY &&
                                           status == RTT))) {
        append_signed(text, sizeof(last), num == RTT_DESTROY ? ">" : "+",
                      answer[names[i].top] - in[names[i].base - 1], 16);
    }
}

void trace_call(unsigned num, const uint64_t *in, const uint64_t *answer)
{
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char text[sizeof(last)] = "";

        if (names[i].num != num || !(names[i].group & groups)) {
            continue;
        }
        append(text, sizeof(text), names[i].name);
        append(text, sizeof(text), "=");
        if (answer[0] == UNKNOWN) {
            append(text, sizeof(text), "-1");
        } else {
            append_number(text, sizeof(text), answer[0], 16);
        }
        outputs(text, num, in, answer, i);
        add(text);
    }
}

const char *trace_end(void)
{
    flush();
    groups = 0;
    return line;
}

void is_trace(const char *wanted, const char *what)
{
    bool good = equal(trace_end(), wanted);

    if (!good) {
        put("# came   ");
        put(line);
        put("\n# wanted ");
        put(wanted);
        put("\n");
    }
    ok(good, what);
}

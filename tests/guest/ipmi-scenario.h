/*
 * The lines of a scenario: words, bytes, what is wanted
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For ipmi-scenario.c. A mistake in the file ends the program.
 */
#ifndef RIG_IPMI_SCENARIO_H
#define RIG_IPMI_SCENARIO_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipmi-dev.h"

#define WORDS 64
#define TEXT 512

/* A line of the file */
typedef struct Line {
    unsigned number;
    char text[TEXT];            /* for the reader */
    char rest[TEXT];            /* what follows the verb */
    char storage[TEXT];         /* the words are in here */
    char *word[WORDS];
    unsigned words;
    char *wanted[WORDS];        /* what follows "->" */
    unsigned n_wanted;
    bool has_wanted;
    double within, after;       /* seconds; negative: not given */
} Line;

static inline void __attribute__((format(printf, 2, 3)))
bail_out(const Line *l, const char *format, ...)
{
    va_list args;

    printf("Bail out! line %u: ", l->number);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    exit(2);
}

/*
 * Words
 */

/* The value of "name=value", which is taken out of the words; or NULL */
static inline const char *option(Line *l, const char *name)
{
    size_t len = strlen(name);
    unsigned i;

    for (i = 0; i < l->words; i++) {
        if (!strncmp(l->word[i], name, len) && l->word[i][len] == '=') {
            const char *value = l->word[i] + len + 1;

            memmove(l->word + i, l->word + i + 1,
                    (l->words - i - 1) * sizeof(l->word[0]));
            l->words--;
            return value;
        }
    }
    return NULL;
}

static inline long option_number(Line *l, const char *name, long otherwise)
{
    const char *value = option(l, name);
    char *end;
    long number = value ? strtol(value, &end, 0) : otherwise;

    if (value && (*end || end == value)) {
        bail_out(l, "%s=%s is no number", name, value);
    }
    return number;
}

static inline bool is_byte(const char *word, unsigned *byte)
{
    char *end;
    unsigned long value = strtoul(word, &end, 16);

    *byte = value;
    return end != word && !*end && value <= 0xff;
}

/* All words are bytes. */
static inline unsigned bytes_of(const Line *l, char *const *word,
                                unsigned words, uint8_t *bytes)
{
    unsigned i, byte;

    for (i = 0; i < words; i++) {
        if (!is_byte(word[i], &byte)) {
            bail_out(l, "'%s' is no hexadecimal byte", word[i]);
        }
        bytes[i] = byte;
    }
    return words;
}

/* Network function, command, data */
static inline unsigned message_of(const Line *l, uint8_t *bytes)
{
    unsigned n = bytes_of(l, l->word, l->words, bytes);

    if (n < 2) {
        bail_out(l, "a network function and a command are wanted");
    }
    return n;
}

static inline const char *hex(const uint8_t *bytes, unsigned n)
{
    static char text[3 * IPMI_DEV_MAX + 1];
    unsigned i, used = 0;

    text[0] = '\0';
    for (i = 0; i < n && i < IPMI_DEV_MAX; i++) {
        used += sprintf(text + used, "%s%02x", i ? " " : "", bytes[i]);
    }
    return text;
}

/*
 * What is wanted: alternatives with | between them; ?? is any byte, .. is
 * whatever follows, "nothing" is no message at all, "error" is a request that
 * the kernel does not take.
 */

static inline bool wants_nothing(const Line *l)
{
    return l->n_wanted == 1 && !strcmp(l->wanted[0], "nothing");
}

static inline bool wants_error(const Line *l)
{
    unsigned i;

    for (i = 0; i < l->n_wanted; i++) {
        if (!strcmp(l->wanted[i], "error")) {
            return true;
        }
    }
    return false;
}

static inline bool alternative_matches(const Line *l, unsigned from,
                                       unsigned to, const uint8_t *bytes,
                                       unsigned n)
{
    unsigned i, byte, at = 0;

    for (i = from; i < to; i++, at++) {
        if (!strcmp(l->wanted[i], "..")) {
            return true;
        }
        if (!strcmp(l->wanted[i], "error")) {
            return false;
        }
        if (at >= n) {
            return false;
        }
        if (!strcmp(l->wanted[i], "??")) {
            continue;
        }
        if (!is_byte(l->wanted[i], &byte)) {
            bail_out(l, "'%s' is neither a byte nor ??, .., | or nothing",
                     l->wanted[i]);
        }
        if (bytes[at] != byte) {
            return false;
        }
    }
    return at == n;
}

static inline bool matches(const Line *l, const uint8_t *bytes, unsigned n)
{
    unsigned i, from = 0;

    for (i = 0; i <= l->n_wanted; i++) {
        if (i == l->n_wanted || !strcmp(l->wanted[i], "|")) {
            if (alternative_matches(l, from, i, bytes, n)) {
                return true;
            }
            from = i + 1;
        }
    }
    return false;
}

/*
 * Lines
 */

static inline double seconds_of(const Line *l, const char *word)
{
    char *end = NULL;
    double value = word ? strtod(word, &end) : -1;

    if (!word || *end || value < 0) {
        bail_out(l, "a number of seconds is wanted after within and after");
    }
    return value;
}

static inline void split(Line *l)
{
    char *word, *save;

    for (word = strtok_r(l->storage, " \t", &save); word;
         word = strtok_r(NULL, " \t", &save)) {
        if (!strcmp(word, "->")) {
            l->has_wanted = true;
        } else if (!strcmp(word, "within")) {
            l->within = seconds_of(l, strtok_r(NULL, " \t", &save));
        } else if (!strcmp(word, "after")) {
            l->after = seconds_of(l, strtok_r(NULL, " \t", &save));
        } else if (l->words == WORDS || l->n_wanted == WORDS) {
            bail_out(l, "too many words");
        } else if (l->has_wanted) {
            l->wanted[l->n_wanted++] = word;
        } else {
            l->word[l->words++] = word;
        }
    }
}

#endif

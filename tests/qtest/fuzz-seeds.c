/*
 * Random guests: which seeds they run
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "tests/qtest/libqtest.h"
#include "fuzz-seeds.h"

static void (*run_seed)(uint32_t seed);

/* In the log before anything happens, so that a run that is killed names it */
static void run_one(uint32_t seed)
{
    g_test_message("seed %u", seed);
    fflush(NULL);
    run_seed(seed);
}

static void test_seeds(const void *variable)
{
    const char *path = g_getenv(variable);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned n = 0;
    char **line;

    if (!path) {
        g_autofree char *why = g_strdup_printf("%s is not set",
                                               (const char *)variable);

        g_test_skip(why);
        return;
    }
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", 0);
    for (line = lines; *line; line++) {
        if (g_ascii_isdigit(**line)) {
            run_one(g_ascii_strtoull(*line, NULL, 10));
            n++;
        }
    }
    g_assert_cmpuint(n, >, 0);
}

static void test_time(void)
{
    const char *seconds = g_getenv("RIG_FUZZ_SECONDS");
    const char *first = g_getenv("RIG_FUZZ_SEED");
    uint32_t seed = first ? g_ascii_strtoull(first, NULL, 10) : 1;
    unsigned rounds = 0;
    int64_t end;

    if (!seconds) {
        g_test_skip("RIG_FUZZ_SECONDS is not set");
        return;
    }
    end = g_get_monotonic_time() +
          g_ascii_strtoull(seconds, NULL, 10) * G_USEC_PER_SEC;
    do {
        run_one(seed + rounds++);
    } while (g_get_monotonic_time() < end);
    g_test_message("%u rounds", rounds);
}

void fuzz_add_tests(const char *prefix, const char *seeds,
                    void (*run)(uint32_t seed))
{
    g_autofree char *by_seed = g_strdup_printf("%s/seeds", prefix);
    g_autofree char *by_time = g_strdup_printf("%s/time", prefix);

    run_seed = run;
    qtest_add_data_func(by_seed, seeds, test_seeds);
    qtest_add_func(by_time, test_time);
}

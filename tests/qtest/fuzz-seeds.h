/*
 * Random guests: which seeds they run
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_FUZZ_SEEDS_H
#define TESTS_QTEST_FUZZ_SEEDS_H

/*
 * fuzz_add_tests: two tests of a random guest.
 *   PREFIX/seeds   the seeds in a file, one a line; what is no number is a
 *                  comment
 *   PREFIX/time    seeds from RIG_FUZZ_SEED (1) on, for RIG_FUZZ_SECONDS of
 *                  wall-clock time; the last one is run to its end
 * Either names a seed in the log before it runs.
 * Either is skipped if the environment does not name the file or the time.
 * @seeds: environment variable with the file's name
 * @run: makes a machine, does what the seed says, and fails by itself
 */
void fuzz_add_tests(const char *prefix, const char *seeds,
                    void (*run)(uint32_t seed));

#endif

/*
 * Courses: one for each path of a host that an RMM can send it
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A course is run under the recipe of the same name in
 * docs/system/devices/arm-rmm-cookbook.rst.
 */
#ifndef RIG_RMI_ROWS_H
#define RIG_RMI_ROWS_H

#include "host.h"

typedef struct Course Course;
struct Course {
    const char *name;
    void (*run)(const Course *c);
    const char *trace;      /* wanted of the calls that matter */
    /* Findings that arm-rmm reports in the end, with their counts */
    const char *leaves;
    unsigned lost;          /* pages that the host does not get back */
    uint64_t arg;
    Manners manners;
};

extern const Course sro_courses[], sro_hard_courses[], boot_courses[],
                    range_courses[], table_courses[], exit_courses[];

/* "not ok" if the answer is not the one wanted */
void want(uint64_t x0, uint64_t wanted, const char *what);
/* RMM started, nothing traced */
void ready(void);

#endif /* RIG_RMI_ROWS_H */

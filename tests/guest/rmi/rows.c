/*
 * Courses: the one whose name comes on the console is run
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "rows.h"

static const Course *const all[] = {
    boot_courses, sro_courses, sro_hard_courses, range_courses, table_courses,
    exit_courses,
};

static bool equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static const Course *find(const char *name)
{
    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        for (const Course *c = all[i]; c->name; c++) {
            if (equal(c->name, name)) {
                return c;
            }
        }
    }
    return NULL;
}

static void list(void)
{
    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        for (const Course *c = all[i]; c->name; c++) {
            put("course ");
            put(c->name);
            put("\n");
        }
    }
}

void want(uint64_t x0, uint64_t wanted, const char *what)
{
    if (x0 != wanted) {
        is(x0, wanted, what);
    }
}

void ready(void)
{
    want(start_rmm(), SUCCESS, "RMM_ACTIVATE");
}

void rmi_main(void);
void rmi_main(void)
{
    char name[64];
    const Course *c;

    get_line(name, sizeof(name));
    if (equal(name, "list")) {
        list();
        power_off();
    }
    c = find(name);
    ok(c != NULL, "there is such a course");
    if (c) {
        host.leaves = c->manners.leaves;
        host.trusting = c->manners.trusting;
        host.follows = c->manners.follows;
        /* Linux gives up a call that is BLOCKED twice. */
        host.blocked = c->manners.blocked ? c->manners.blocked : 2;
        if (c->manners.pages) {
            host.pages = c->manners.pages;
        }
        c->run(c);
        put("# leaves ");
        put(c->leaves ? c->leaves : "");
        put("\n");
    }
    plan();
    power_off();
}

/*
 * Courses: what a kernel does with the RMM when it starts, rows B1 to B18
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM (DEN0137) 2.0-bet0, sec A2.1, A2.3, B4.6. The order is that of Linux
 * v15: version, features, configuration, activation, granule tracking and
 * protection tables of all memory, then what KVM looks at.
 */
#include "rows.h"

#define MEMORY          0x40000000ull
#define MEMORY_END      0x60000000ull
#define VERSION_2_0     0x20000
#define GRANULE_4K      1               /* feature register 1 */
#define SHA256          8
#define S2SZ            0xff            /* feature register 0 */
#define LPA2            0x100
#define ERROR_GPT       15

static uint64_t feature[5];

static bool stop(const char *why)
{
    trace_note(why);
    return false;
}

/* -1 means that there is no RMM, which is no reason to say anything. */
static bool version(void)
{
    if (CALL(VERSION, VERSION_2_0) == UNKNOWN) {
        return stop("quiet");
    }
    if (out[0]) {
        return stop("!version");
    }
    if (out[1] != VERSION_2_0) {
        trace_note("!lower"); /* Linux prints it, and goes on */
    }
    return true;
}

static bool features(void)
{
    for (unsigned i = 0; i < 5; i++) {
        if (CALL(FEATURES, i)) {
            return stop("!features");
        }
        feature[i] = out[1];
    }
    return feature[1] & GRANULE_4K || stop("!granule");
}

/* @plain: a host that does not know operations here, as v14 */
static bool activate(bool plain)
{
    clear(CONFIG);
    if (CALL(CONFIG_SET, CONFIG)) {
        return stop("!config");
    }
    if (plain ? ONCE(ACTIVATE) : CALL(ACTIVATE)) {
        return stop("!activate");
    }
    return true;
}

static bool tracking(void)
{
    uint64_t start = MEMORY;

    while (start < MEMORY_END) {
        if (CALL(TRACKING_GET, start, MEMORY_END) || out[1] != 0 ||
            out[2] != 2) {
            return stop("!tracking");
        }
        if (out[3] <= start) {
            return stop("!stuck");
        }
        start = out[3];
    }
    return true;
}

static bool tables(void)
{
    uint64_t start = MEMORY;

    if (!bet3) {
        uint64_t x0 = ONCE(GPT_L1_CREATE, MEMORY);

        return !x0 || STATUS(x0) == ERROR_GPT || stop("!gpt");
    }
    while (start < MEMORY_END) {
        if (CALL(GPT_INFO, start, MEMORY_END) || out[2] != 1) {
            return stop("!gpt");
        }
        if (out[1] <= start) {
            return stop("!stuck");
        }
        start = out[1];
    }
    return true;
}

static bool kvm(void)
{
    if (!(feature[0] & LPA2)) {
        return stop("!lpa2");
    }
    if (!(feature[1] & SHA256)) {
        return stop("!sha256");
    }
    return feature[0] & S2SZ || stop("!s2sz");
}

static void boot(const Course *c)
{
    trace_begin(0);
    bet3 = once(GPT_INFO, IN(0, PAGE), out) != UNKNOWN;
    trace_begin(T_BOOT | T_SRO);
    if (version() && features() && activate(c->arg) && tracking() &&
        tables() && kvm()) {
        trace_note("realms");
    }
    is_trace(c->trace, "the calls of a start");
    nothing_lost(c->lost);
}

/* What was read once counts. */
static void features_again(const Course *c)
{
    uint64_t before;

    boot(c);
    before = feature[0];
    is(CALL(FEATURES, 0), SUCCESS, "FEATURES");
    ok(out[1] != before, "the register has changed");
}

/* No call is made where the CPU has no Realm Management Extension. */
static void no_rme(const Course *c)
{
    uint64_t pfr0;

    trace_begin(T_BOOT);
    asm volatile("mrs %0, id_aa64pfr0_el1" : "=r" (pfr0));
    if (pfr0 >> 52 & 15) {
        version();
    }
    is_trace(c->trace, "no call at all");
    is(pfr0 >> 52 & 15, 0, "ID_AA64PFR0_EL1.RME");
}

#define BOOT(id, calls, ...) \
    { .name = id, .run = boot, .trace = calls, __VA_ARGS__ }
#define UP_TO_CONFIG "VERSION=0 FEATURES=0*5 "
#define UP_TO_ACTIVE UP_TO_CONFIG "CONFIG_SET=0 "
#define ACTIVE UP_TO_ACTIVE "ACTIVATE=0 "
#define TRACKED "TRACKING_GET=0+20000000 "
#define GPT "GPT_INFO=0+20000000 "

const Course boot_courses[] = {
    BOOT("no-rmi", "VERSION=-1 quiet"),
    BOOT("version-1-0", "VERSION=1 !version"),
    BOOT("version-3-0", "VERSION=1 !version"),
    BOOT("version-lower", "VERSION=0 !lower FEATURES=0*5 CONFIG_SET=0 "
         "ACTIVATE=0 " TRACKED GPT "realms"),
    { .name = "no-rme", .run = no_rme, .trace = "" },
    BOOT("features-fail", "VERSION=0 FEATURES=1 !features"),
    BOOT("no-4k-granules", UP_TO_CONFIG "!granule"),
    BOOT("no-address-space", ACTIVE TRACKED GPT "!s2sz"),
    BOOT("no-lpa2", ACTIVE TRACKED GPT "!lpa2"),
    BOOT("no-sha256", ACTIVE TRACKED GPT "!sha256"),
    BOOT("config-fails", UP_TO_CONFIG "CONFIG_SET=1 !config"),
    BOOT("config-busy", UP_TO_CONFIG "CONFIG_SET=a*300 !config"),
    BOOT("activate-wants-memory", UP_TO_ACTIVE "ACTIVATE=50d,20020 "
         "DONATE=40d/8 CONTINUE=0 " TRACKED GPT "realms", .lost = 8),
    BOOT("activate-not-understood", UP_TO_ACTIVE "ACTIVATE=50d,20020 "
         "!activate", .arg = true, .leaves = "sro-abandoned:1"),
    BOOT("active-already", UP_TO_CONFIG "CONFIG_SET=b !config"),
    BOOT("activate-fails", UP_TO_ACTIVE "ACTIVATE=b !activate"),
    BOOT("activate-never", UP_TO_ACTIVE "ACTIVATE=40d CONTINUE=40d*300 "
         "!EAGAIN CANCEL=d CONTINUE=1 !activate"),
    BOOT("tracking-none", ACTIVE TRACKED "!tracking"),
    BOOT("tracking-coarse", ACTIVE TRACKED "!tracking"),
    BOOT("tracking-device", ACTIVE TRACKED "!tracking"),
    BOOT("tracking-stands", ACTIVE "TRACKING_GET=0+0 !stuck"),
    BOOT("tracking-beyond", ACTIVE "TRACKING_GET=0-40000001 " GPT "realms"),
    BOOT("gpt-create-incomplete", ACTIVE TRACKED "GPT_L1_CREATE=d !gpt"),
    BOOT("gpt-exists", ACTIVE TRACKED "GPT_L1_CREATE=f realms"),
    BOOT("gpt-not-platform", ACTIVE TRACKED GPT "!gpt"),
    BOOT("gpt-stands", ACTIVE TRACKED "GPT_INFO=0+0 !stuck"),
    { .name = "features-change", .run = features_again,
      .trace = ACTIVE TRACKED GPT "realms" },
    { .name = NULL }
};

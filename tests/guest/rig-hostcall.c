/*
 * A guest asks the host, which takes its time: no time passes in the guest.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All points are of the machine. A wait for the host must not hold up what needs
 * all CPUs of the machine: to stop it, to plug a device, or to shoot down the
 * TLBs of a CPU that waits.
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "host.h"
#include "tap.h"

#define HOST_S 4
/* A busy host may take a CPU away from us just before or after the wait. */
#define TRIES 4

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void time_stands_still(void)
{
    double took = 0, start;
    bool answered = true;
    int tries = 0;

    do {
        start = now();
        answered = answered && host_do("sleep %d", HOST_S);
        took = now() - start;
    } while (took > HOST_S / 2 && ++tries < TRIES);
    tap_ok(answered, "the host has slept, and answers");
    tap_ok(took <= HOST_S / 2, "the guest's clock stands meanwhile (%.3f s for "
           "%d s of the host, tries: %d)", took, HOST_S, tries + 1);
}

/*
 * Each munmap() flushes the TLBs of all CPUs, for which QEMU has to have all of
 * them out of their instructions.
 */
static void shoot_down_tlbs(volatile unsigned long *count)
{
    for (;;) {
        char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (page != MAP_FAILED) {
            *page = 1;
            munmap(page, 4096);
        }
        ++*count;
    }
}

static void others_go_on(void)
{
    volatile unsigned long *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned long before;
    pid_t child = fork();

    if (child == 0) {
        shoot_down_tlbs(count);
    }
    while (!*count) {
        usleep(1000);
    }
    before = *count;
    tap_ok(host_do("sleep %d", HOST_S),
           "another process shoots down TLBs: the host answers (%lu times "
           "meanwhile)", *count - before);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

int main(void)
{
    static HostAnswer answer;
    bool paused;
    int i;

    if (!tap_ok(host_registers(), "a rig-hostcall is there")) {
        return tap_done();
    }
    tap_ok(!host_do("nonsense"), "the host says no to what it does not know");
    time_stands_still();
    for (i = 0; i < 3; i++) {
        paused = host_ask(&answer, "pause 0.2") && answer.lines == 1;
        tap_ok(paused && !strcmp(answer.line[0], "paused"), "pause %d: the "
               "machine stops while a CPU waits => %s", i,
               paused ? answer.line[0] : "no answer");
    }
    tap_ok(!host_do("add no-such-device id=hp0 bus=rp0"),
           "a device that does not exist is refused while a CPU waits");
    tap_ok(host_do("add pcie-fabric-endpoint id=hp0 bus=rp0"),
           "a device is plugged while a CPU waits");
    others_go_on();
    tap_ok(host_ask(&answer, "links rp0") && answer.lines == 1,
           "the host answers in the end => %u line", answer.lines);
    return tap_done();
}

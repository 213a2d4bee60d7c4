/*
 * QTest of arm-rmm: each property has its effect
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM 2.0-bet0, sec B4.3.2 (what the switches choose from). The switches
 * are set against the default of their profile.
 */
#include "qemu/osdep.h"
#include "libqos/arm-rmm.h"
#include "libqos/refusal.h"

#define MACHINE "virt,virtualization=on,secure=on,gic-version=3"

/* A REC_CREATE that wants a page; returns X0 */
static uint64_t open_rec(RmmHost *h)
{
    rmm_active(h);
    rmm_realm(h, P(0), P(2));
    rmm_delegate(h, P(16), 2);
    return rmm_rec_begin(h, P(0), P(16), 0);
}

static void blocked(void)
{
    RmmHost h;

    rmm_start(&h, "bet1", ",rec-granules=1,blocked=on");
    g_assert_cmphex(open_rec(&h) & 0x3ff, ==, WANT_DONATE);
    g_assert_cmphex(R(&h, R_UNDELEGATE, P(16), P(17)), ==, EBLOCKED);
    rmm_stop(&h);
    rmm_start(&h, "bet3", ",rec-granules=1,blocked=off");
    g_assert_cmphex(open_rec(&h) & 0x3ff, ==, WANT_DONATE);
    g_assert_cmphex(R(&h, R_UNDELEGATE, P(16), P(17)), ==, EINPUT);
    rmm_stop(&h);
}

static void cancellable(void)
{
    RmmHost h;

    rmm_start(&h, "bet0", ",rec-granules=1,cancellable=on");
    g_assert_cmphex(open_rec(&h), ==, WANT_DONATE | CANCELLABLE);
    g_assert_cmphex(R(&h, R_CANCEL, 0), ==, INCOMPLETE);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);
    rmm_stop(&h);
    rmm_start(&h, "bet3", ",rec-granules=1,cancellable=off");
    g_assert_cmphex(open_rec(&h), ==, WANT_DONATE);
    g_assert_cmphex(R(&h, R_CANCEL, 0), ==, EINPUT);
    g_assert_cmpuint(rmm_found(&h, "not-cancellable"), ==, 1);
    rmm_stop(&h);
}

/* OP_CONTINUE while memory is wanted: refused, or the host gives up */
static void strict_continue(void)
{
    RmmHost h;

    rmm_start(&h, "bet3", ",rec-granules=1,strict-continue=on");
    g_assert_cmphex(open_rec(&h) & 0x3ff, ==, WANT_DONATE);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);
    rmm_list(&h, 0, P(17), 1);
    g_assert_cmphex(R(&h, R_DONATE, 0, LIST, 1, 0) & 0x3ff, ==, INCOMPLETE);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, OK);
    rmm_stop(&h);
    rmm_start(&h, "bet1", ",rec-granules=1,strict-continue=off");
    g_assert_cmphex(open_rec(&h) & 0x3ff, ==, WANT_DONATE);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);
    rmm_list(&h, 0, P(17), 1);
    g_assert_cmphex(R(&h, R_DONATE, 0, LIST, 1, 0), ==, EINPUT);
    rmm_granule_is(&h, P(16), "delegated", "realm");
    rmm_undelegate(&h, P(16), 1);   /* the handle is dead */
    rmm_stop(&h);
}

static void cancel_status(void)
{
    RmmHost h;

    for (unsigned status = 1; status < 16; status += 5) {
        g_autofree char *more = g_strdup_printf(
            ",rec-granules=1,cancel-status=%u", status);

        rmm_start(&h, "bet3", more);
        g_assert_cmphex(open_rec(&h) & 0x3ff, ==, WANT_DONATE);
        g_assert_cmphex(R(&h, R_CANCEL, 0), ==, INCOMPLETE);
        g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, status);
        rmm_stop(&h);
    }
}

/* A raw image of 8 bytes, in a file of its own */
static char *make_image(void)
{
    g_autofree char *name = NULL;
    int fd = g_file_open_tmp("qemu-rig-XXXXXX", &name, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, "\x00\x00\x00\x14" "bl33", 8), ==, 8);
    close(fd);
    return g_steal_pointer(&name);
}

/* Where it was loaded, and where the first CPU stands */
static void bl33(const char *more, uint64_t loaded, uint64_t pc)
{
    g_autofree char *image = make_image();
    g_autofree char *all = g_strdup_printf(",bl33=%s%s", image, more);
    g_autofree char *want = g_strdup_printf("PC=%016" PRIx64, pc);
    g_autofree char *regs = NULL;
    RmmHost h;

    rmm_start_args(&h, "bet3", all, "");
    g_assert_cmphex(qtest_readl(h.qts, loaded + 4), ==, 0x33336c62);
    regs = qtest_hmp(h.qts, "info registers");
    g_assert_nonnull(strstr(regs, want));
    rmm_stop(&h);
    unlink(image);
}

static void bl33_address(void)
{
    bl33("", RAM + 0x200000, RAM + 0x200000);
    bl33(",bl33-address=0x48000000", 0x48000000, 0x48000000);
    /* The last 8 bytes of memory */
    bl33(",bl33-address=0x4ffffff8", 0x4ffffff8, 0x4ffffff8);
}

static void bl33_entry(void)
{
    bl33(",bl33-entry=0x40200004", RAM + 0x200000, RAM + 0x200004);
    bl33(",bl33-address=0x48000000,bl33-entry=0x48001000", 0x48000000,
         0x48001000);
}

#define FILE_OF(name) "arm-rmm,bl33=" name

static const Refusal refusals[] = {
    { "success", "", "arm-rmm,cancel-status=0", { "cancel-status=0" } },
    { "busy", "", "arm-rmm,cancel-status=10", { "cancel-status=10", "BUSY" } },
    { "incomplete", "", "arm-rmm,cancel-status=13",
      { "cancel-status=13", "INCOMPLETE" } },
    { "blocked", "", "arm-rmm,cancel-status=14", { "cancel-status=14" } },
    { "none-such", "", "arm-rmm,cancel-status=17",
      { "cancel-status=17", "1 to 16" } },
    { "null", "", FILE_OF("/dev/null"),
      { "bl33=/dev/null", "no regular file" } },
    { "directory", "", FILE_OF("/"), { "bl33=/", "no regular file" } },
    { "missing", "", FILE_OF("/nonexistent"),
      { "bl33=/nonexistent", "No such file" } },
};

static void refused(gconstpointer data)
{
    refusal_check("-M " MACHINE, data);
}

/* Known only when memory is: QEMU ends with the reason before it runs. */
static void place_refused(gconstpointer data)
{
    g_autofree char *image = make_image();
    g_autofree char *command = g_strdup_printf(
        "%s -M " MACHINE " -accel qtest -nodefaults -display none -m 256M"
        " -device arm-rmm,bl33=%s,%s", getenv("QTEST_QEMU_BINARY"), image,
        (const char *)data);
    g_autofree char *out = NULL, *err = NULL;
    int status;

    g_assert_true(g_spawn_command_line_sync(command, &out, &err, &status,
                                            NULL));
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 1);
    g_assert_nonnull(strstr(err, data));
    g_assert_nonnull(strstr(err, "0x40000000 to 0x50000000"));
    unlink(image);
}

int main(int argc, char **argv)
{
    static const char *const places[] = {
        "bl33-address=0x9000000", "bl33-address=0xffffffffffff0000",
        "bl33-address=0x4ffffffc", "bl33-entry=0x9000000",
        "bl33-entry=0xfffffffffffffffc",
    };

    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/arm-rmm/property/blocked", blocked);
    qtest_add_func("/arm-rmm/property/cancellable", cancellable);
    qtest_add_func("/arm-rmm/property/strict-continue", strict_continue);
    qtest_add_func("/arm-rmm/property/cancel-status", cancel_status);
    qtest_add_func("/arm-rmm/property/bl33-address", bl33_address);
    qtest_add_func("/arm-rmm/property/bl33-entry", bl33_entry);
    for (unsigned i = 0; i < ARRAY_SIZE(refusals); i++) {
        g_autofree char *name = g_strdup_printf("/arm-rmm/property/refused/%s",
                                                refusals[i].name);

        qtest_add_data_func(name, &refusals[i], refused);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        g_autofree char *name = g_strdup_printf("/arm-rmm/property/place/%s",
                                                places[i]);

        qtest_add_data_func(name, places[i], place_refused);
    }
    return g_test_run();
}

/*
 * rig-hostcall: registers, what is said on the wire, and hosts that go away
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * docs/system/devices/rig-hostcall.rst has the registers and the lines. A qtest
 * is no CPU, so that no read of WAIT blocks here; that one does is seen by the
 * guest test of the same name.
 */
#include "qemu/osdep.h"
#include <sys/un.h>
#include "../../include/hw/rig/hostcall.h"
#include "libqos/pcie-fabric.h"
#include "libqos/pcie-fabric-vmstate.h"

#define PATIENCE_US     (30 * G_USEC_PER_SEC)
#define WIRE_MAX        (RIG_HOSTCALL_QUESTION_MAX + 64)
#define DEVICES                                                         \
    "-chardev socket,id=host,path=%s/host,server=on,wait=off "          \
    "-device rig-hostcall,id=hc0,chardev=host,addr=2 %s"

typedef struct Rig {
    QTestState *qts;
    QFabric *fab;
    char *dir;
    uint64_t bar;
    int host;                   /* the host's end, or -1 */
} Rig;

static void find(Rig *r)
{
    QFabricFn *fn;

    r->fab = qfabric_new(r->qts);
    fn = qfabric_at(r->fab, 0, 2 << 3);
    g_assert_nonnull(fn);
    g_assert_cmpuint(fn->bar[0].size, ==, RIG_HOSTCALL_BAR_SIZE);
    r->bar = fn->bar[0].addr;
}

static void connect_host(Rig *r)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct timeval patience = { .tv_sec = PATIENCE_US / G_USEC_PER_SEC };

    r->host = socket(AF_UNIX, SOCK_STREAM, 0);
    g_snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/host", r->dir);
    g_assert_cmpint(connect(r->host, (void *)&addr, sizeof(addr)), ==, 0);
    setsockopt(r->host, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

static void boot(Rig *r, const char *more)
{
    g_autofree char *devices = NULL;

    r->dir = g_dir_make_tmp("rig-hostcall-XXXXXX", NULL);
    g_assert_nonnull(r->dir);
    devices = g_strdup_printf(DEVICES, r->dir, more);
    r->qts = qfabric_boot(devices);
    find(r);
    r->host = -1;
}

static void end(Rig *r)
{
    g_autofree char *path = g_strdup_printf("%s/host", r->dir);

    if (r->host >= 0) {
        close(r->host);
    }
    qfabric_free(r->fab);
    qtest_quit(r->qts);
    unlink(path);
    g_assert_cmpint(rmdir(r->dir), ==, 0);
    g_free(r->dir);
}

/*
 * The guest
 */

static uint32_t reg(Rig *r, unsigned offset)
{
    return qtest_readl(r->qts, r->bar + offset);
}

static void write_question(Rig *r, const char *text, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        qtest_writeb(r->qts, r->bar + RIG_HOSTCALL_QUESTION + i, text[i]);
    }
}

static uint32_t ask(Rig *r, const char *text)
{
    write_question(r, text, strlen(text));
    qtest_writel(r->qts, r->bar + RIG_HOSTCALL_SEND, strlen(text));
    return reg(r, RIG_HOSTCALL_WAIT);
}

/* QEMU's main loop takes what is on the wire when it likes. */
static uint32_t await(Rig *r)
{
    int64_t end = g_get_monotonic_time() + PATIENCE_US;
    uint32_t state;

    do {
        state = reg(r, RIG_HOSTCALL_WAIT);
    } while (state == RIG_HOSTCALL_ASKED && g_get_monotonic_time() < end);
    return state;
}

static void expect_answer(Rig *r, uint32_t state, const char *text)
{
    uint32_t len, i;

    g_assert_cmpuint(await(r), ==, state);
    len = reg(r, RIG_HOSTCALL_LENGTH);
    g_assert_cmpuint(len, ==, strlen(text));
    for (i = 0; i < len; i++) {
        g_assert_cmpint(qtest_readb(r->qts, r->bar + RIG_HOSTCALL_ANSWER + i),
                        ==, text[i]);
    }
}

/*
 * The host
 */

static void say(Rig *r, const char *text)
{
    g_assert_cmpint(send(r->host, text, strlen(text), 0), ==, strlen(text));
}

/* The next line: "NUMBER TEXT"; the number */
static unsigned hear(Rig *r, const char *text)
{
    char line[WIRE_MAX] = "";
    unsigned n = 0, number;
    int used = 0;

    do {
        g_assert_cmpuint(n, <, sizeof(line) - 1);
        g_assert_cmpint(recv(r->host, &line[n], 1, 0), ==, 1);
    } while (line[n++] != '\n');
    line[n - 1] = '\0';
    g_assert_cmpint(sscanf(line, "%u %n", &number, &used), ==, 1);
    g_assert_cmpstr(line + used, ==, text);
    return number;
}

static void say_end(Rig *r, unsigned number)
{
    g_autofree char *line = g_strdup_printf(". %u\n", number);

    say(r, line);
}

/* Ask, and be answered "fine" */
static void expect_alive(Rig *r)
{
    unsigned number;

    g_assert_cmpuint(ask(r, "well?"), ==, RIG_HOSTCALL_ASKED);
    number = hear(r, "well?");
    say(r, "fine\n");
    say_end(r, number);
    expect_answer(r, RIG_HOSTCALL_ANSWERED, "fine\n");
}

/*
 * Tests
 */

static void test_identity(void)
{
    QFabricFn *fn;
    Rig r;

    boot(&r, "");
    fn = qfabric_at(r.fab, 0, 2 << 3);
    g_assert_cmphex(fn->vendor, ==, 0x1af4);
    g_assert_cmphex(fn->device, ==, 0x10f8);
    g_assert_cmphex(qfabric_readl(fn, PCI_REVISION_ID) >> 8, ==, 0xff00);
    g_assert_cmphex(qfabric_readb(fn, PCI_INTERRUPT_PIN), ==, 0);
    g_assert_cmphex(reg(&r, 0), ==, 0x48474952);
    g_assert_cmpuint(reg(&r, RIG_HOSTCALL_WAIT), ==, RIG_HOSTCALL_IDLE);
    g_assert_cmpuint(reg(&r, RIG_HOSTCALL_LENGTH), ==, 0);
    g_assert_cmpuint(reg(&r, RIG_HOSTCALL_SEND), ==, 0);
    end(&r);
}

static void test_buffers(void)
{
    uint64_t q, a;
    unsigned i;
    Rig r;

    boot(&r, "");
    q = r.bar + RIG_HOSTCALL_QUESTION;
    a = r.bar + RIG_HOSTCALL_ANSWER;
    qtest_writeq(r.qts, q + RIG_HOSTCALL_QUESTION_MAX - 8, 0x1122334455667788);
    g_assert_cmphex(qtest_readw(r.qts, q + RIG_HOSTCALL_QUESTION_MAX - 8), ==,
                    0x7788);
    g_assert_cmphex(qtest_readl(r.qts, q + RIG_HOSTCALL_QUESTION_MAX - 4), ==,
                    0x11223344);
    qtest_writew(r.qts, q, 0x4241);
    g_assert_cmphex(qtest_readb(r.qts, q + 1), ==, 0x42);
    /* The answer is the host's; the rest of the BAR is nobody's. */
    qtest_writel(r.qts, a, 0xffffffff);
    g_assert_cmphex(qtest_readl(r.qts, a), ==, 0);
    for (i = RIG_HOSTCALL_LENGTH; i < RIG_HOSTCALL_BAR_SIZE; i += 4) {
        if (i < RIG_HOSTCALL_QUESTION ||
            i >= RIG_HOSTCALL_QUESTION + RIG_HOSTCALL_QUESTION_MAX) {
            qtest_writel(r.qts, r.bar + i, 0xffffffff);
            g_assert_cmphex(qtest_readl(r.qts, r.bar + i), ==, 0);
        }
    }
    g_assert_cmpuint(reg(&r, RIG_HOSTCALL_WAIT), ==, RIG_HOSTCALL_IDLE);
    end(&r);
}

static void test_dialogue(void)
{
    unsigned number;
    Rig r;

    boot(&r, "");
    connect_host(&r);
    expect_alive(&r);
    /* In pieces; lines that look like an end, and are none */
    g_assert_cmpuint(ask(&r, "set ep0 x 1"), ==, RIG_HOSTCALL_ASKED);
    number = hear(&r, "set ep0 x 1");
    say(&r, ".\n. x\n! \n.");
    say(&r, "\n one");
    say(&r, " two \n");
    say_end(&r, number);
    expect_answer(&r, RIG_HOSTCALL_ANSWERED, ".\n. x\n! \n.\n one two \n");
    /* Nothing but the end */
    ask(&r, "x");
    say_end(&r, hear(&r, "x"));
    expect_answer(&r, RIG_HOSTCALL_ANSWERED, "");
    end(&r);
}

static void test_refused(void)
{
    g_autofree char *line = NULL;
    Rig r;

    boot(&r, "");
    connect_host(&r);
    ask(&r, "fly");
    line = g_strdup_printf("half an answer\n! %u fly: cannot\n",
                           hear(&r, "fly"));
    say(&r, line);
    expect_answer(&r, RIG_HOSTCALL_REFUSED, "fly: cannot");
    expect_alive(&r);
    end(&r);
}

/* Nobody waits for it. */
static void test_unasked(void)
{
    unsigned number;
    Rig r;

    boot(&r, "");
    connect_host(&r);
    say(&r, "lines\nthat nobody wants\n. 1\n. 7\n! 0 no\n. 0\n");
    ask(&r, "first");
    number = hear(&r, "first");
    say(&r, "of another\n. 4294967295\n. 4294967296\n");
    g_assert_cmpuint(reg(&r, RIG_HOSTCALL_WAIT), ==, RIG_HOSTCALL_ASKED);
    say_end(&r, number);
    g_assert_cmpuint(await(&r), ==, RIG_HOSTCALL_ANSWERED);
    say_end(&r, number);
    expect_alive(&r);
    end(&r);
}

static void test_lengths(void)
{
    g_autofree char *most = g_strnfill(RIG_HOSTCALL_QUESTION_MAX, 'q');
    g_autofree char *answer = g_strnfill(RIG_HOSTCALL_ANSWER_MAX - 1, 'a');
    g_autofree char *full = g_strdup_printf("%s\n", answer);
    unsigned number;
    Rig r;

    boot(&r, "");
    connect_host(&r);
    ask(&r, most);
    number = hear(&r, most);
    say(&r, full);
    say_end(&r, number);
    expect_answer(&r, RIG_HOSTCALL_ANSWERED, full);
    /* A byte more, in one line and in two */
    ask(&r, "one line");
    number = hear(&r, "one line");
    say(&r, answer);
    say(&r, "b\n");
    say_end(&r, number);
    expect_answer(&r, RIG_HOSTCALL_TOO_LONG, "");
    ask(&r, "two lines");
    number = hear(&r, "two lines");
    say(&r, full);
    say(&r, "\n");
    say_end(&r, number);
    expect_answer(&r, RIG_HOSTCALL_TOO_LONG, "");
    expect_alive(&r);
    end(&r);
}

/* Such a question does not come to the host. */
static void test_invalid(void)
{
    static const char *const text[] = { "a\nb", "\n", "a\tb", "\x7f", "\xe9" };
    unsigned i;
    Rig r;

    boot(&r, "");
    connect_host(&r);
    for (i = 0; i < ARRAY_SIZE(text); i++) {
        g_assert_cmpuint(ask(&r, text[i]), ==, RIG_HOSTCALL_INVALID);
        g_assert_cmpuint(reg(&r, RIG_HOSTCALL_LENGTH), ==, 0);
    }
    write_question(&r, "a\0b", 3);
    qtest_writel(r.qts, r.bar + RIG_HOSTCALL_SEND, 3);
    g_assert_cmpuint(reg(&r, RIG_HOSTCALL_WAIT), ==, RIG_HOSTCALL_INVALID);
    qtest_writel(r.qts, r.bar + RIG_HOSTCALL_SEND, 0);
    g_assert_cmpuint(reg(&r, RIG_HOSTCALL_WAIT), ==, RIG_HOSTCALL_INVALID);
    qtest_writel(r.qts, r.bar + RIG_HOSTCALL_SEND,
                 RIG_HOSTCALL_QUESTION_MAX + 1);
    g_assert_cmpuint(reg(&r, RIG_HOSTCALL_WAIT), ==, RIG_HOSTCALL_INVALID);
    qtest_writel(r.qts, r.bar + RIG_HOSTCALL_SEND, 0xffffffff);
    g_assert_cmpuint(reg(&r, RIG_HOSTCALL_WAIT), ==, RIG_HOSTCALL_INVALID);
    expect_alive(&r);
    end(&r);
}

static void test_second_question(void)
{
    unsigned number;
    Rig r;

    boot(&r, "");
    connect_host(&r);
    ask(&r, "one");
    g_assert_cmpuint(ask(&r, "two"), ==, RIG_HOSTCALL_ASKED);
    number = hear(&r, "one");
    say(&r, "1\n");
    say_end(&r, number);
    expect_answer(&r, RIG_HOSTCALL_ANSWERED, "1\n");
    expect_alive(&r);
    end(&r);
}

static void test_nobody(void)
{
    QFabricFn *fn;
    Rig r;

    boot(&r, "-device rig-hostcall,addr=3");
    /* Nobody has come */
    g_assert_cmpuint(ask(&r, "x"), ==, RIG_HOSTCALL_NOBODY);
    /* Somebody has, and goes in the middle of an answer */
    connect_host(&r);
    expect_alive(&r);
    ask(&r, "y");
    hear(&r, "y");
    say(&r, "half an ans");
    close(r.host);
    expect_answer(&r, RIG_HOSTCALL_NOBODY, "");
    g_assert_cmpuint(ask(&r, "z"), ==, RIG_HOSTCALL_NOBODY);
    connect_host(&r);
    while (ask(&r, "again") == RIG_HOSTCALL_NOBODY) {
        /* QEMU has not seen him come. */
    }
    say_end(&r, hear(&r, "again"));
    expect_answer(&r, RIG_HOSTCALL_ANSWERED, "");
    /* There is no character device */
    fn = qfabric_at(r.fab, 0, 3 << 3);
    g_assert_nonnull(fn);
    r.bar = fn->bar[0].addr;
    g_assert_cmpuint(ask(&r, "x"), ==, RIG_HOSTCALL_NOBODY);
    end(&r);
}

/* A peer that does not read does not hold up the machine. */
static void test_deaf(void)
{
    g_autofree char *most = g_strnfill(RIG_HOSTCALL_QUESTION_MAX, 'q');
    unsigned i;
    Rig r;

    boot(&r, "");
    connect_host(&r);
    write_question(&r, most, RIG_HOSTCALL_QUESTION_MAX);
    for (i = 0; i < 2000; i++) {
        qtest_writel(r.qts, r.bar + RIG_HOSTCALL_SEND,
                     RIG_HOSTCALL_QUESTION_MAX);
        if (reg(&r, RIG_HOSTCALL_WAIT) == RIG_HOSTCALL_NOBODY) {
            break;
        }
        qtest_system_reset(r.qts);
        qfabric_enumerate(r.fab);
        write_question(&r, most, RIG_HOSTCALL_QUESTION_MAX);
    }
    g_assert_cmpuint(i, <, 2000);
    close(r.host);
    connect_host(&r);
    while (ask(&r, "again") == RIG_HOSTCALL_NOBODY) {
        /* QEMU has not seen him come. */
    }
    say_end(&r, hear(&r, "again"));
    expect_answer(&r, RIG_HOSTCALL_ANSWERED, "");
    end(&r);
}

static void test_reset(void)
{
    unsigned number;
    Rig r;

    boot(&r, "");
    connect_host(&r);
    expect_alive(&r);
    ask(&r, "before");
    number = hear(&r, "before");
    qtest_system_reset(r.qts);
    qfabric_enumerate(r.fab);
    g_assert_cmpuint(reg(&r, RIG_HOSTCALL_WAIT), ==, RIG_HOSTCALL_IDLE);
    g_assert_cmpuint(reg(&r, RIG_HOSTCALL_LENGTH), ==, 0);
    g_assert_cmphex(reg(&r, RIG_HOSTCALL_QUESTION), ==, 0);
    g_assert_cmphex(reg(&r, RIG_HOSTCALL_ANSWER), ==, 0);
    /* The late answer is no answer. */
    ask(&r, "after");
    say(&r, "late\n");
    say_end(&r, number);
    number = hear(&r, "after");
    g_assert_cmpuint(reg(&r, RIG_HOSTCALL_WAIT), ==, RIG_HOSTCALL_ASKED);
    say(&r, "new\n");
    say_end(&r, number);
    expect_answer(&r, RIG_HOSTCALL_ANSWERED, "new\n");
    end(&r);
}

static void test_snapshot(void)
{
    g_autofree char *drive = NULL;
    QFabricFiles files;
    unsigned number;
    Rig r;

    qfabric_files_open(&files);
    drive = qfabric_files_drive(&files);
    boot(&r, drive);
    connect_host(&r);
    expect_alive(&r);
    g_assert_true(qfabric_hmp_quiet(r.qts, "savevm answered"));
    ask(&r, "open");
    number = hear(&r, "open");
    g_assert_true(qfabric_hmp_quiet(r.qts, "savevm open"));
    /* Whoever only saves goes on. */
    say(&r, "yes\n");
    say_end(&r, number);
    expect_answer(&r, RIG_HOSTCALL_ANSWERED, "yes\n");

    g_assert_true(qfabric_hmp_quiet(r.qts, "loadvm answered"));
    expect_answer(&r, RIG_HOSTCALL_ANSWERED, "fine\n");
    expect_alive(&r);
    /* Who was asked is not told that this machine is another one. */
    g_assert_true(qfabric_hmp_quiet(r.qts, "loadvm open"));
    expect_answer(&r, RIG_HOSTCALL_NOBODY, "");
    say(&r, "late\n");
    say_end(&r, number);
    expect_alive(&r);
    end(&r);
    qfabric_files_close(&files);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("rig-hostcall/identity", test_identity);
    qtest_add_func("rig-hostcall/buffers", test_buffers);
    qtest_add_func("rig-hostcall/dialogue", test_dialogue);
    qtest_add_func("rig-hostcall/refused", test_refused);
    qtest_add_func("rig-hostcall/unasked", test_unasked);
    qtest_add_func("rig-hostcall/lengths", test_lengths);
    qtest_add_func("rig-hostcall/invalid", test_invalid);
    qtest_add_func("rig-hostcall/second-question", test_second_question);
    qtest_add_func("rig-hostcall/nobody", test_nobody);
    qtest_add_func("rig-hostcall/deaf", test_deaf);
    qtest_add_func("rig-hostcall/reset", test_reset);
    qtest_add_func("rig-hostcall/snapshot", test_snapshot);
    return g_test_run();
}

/*
 * The framing of a channel's chardev, and what becomes of a bad or deaf peer
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * docs/specs/ipmi-bmc-multi.rst has the framing; the frames of its examples are
 * used here. What is on the wire is written in hexadecimal.
 */
#include "qemu/osdep.h"
#include <sys/un.h>
#include "libqos/ipmi-host.h"

#define DEVICES                                                         \
    "-chardev socket,id=peer0,path=%s/peer0,server=on,wait=off "        \
    "-chardev socket,id=peer1,path=%s/peer1,server=on,wait=off "        \
    "-chardev socket,id=peer2,path=%s/peer2,server=on,wait=off "        \
    QIPMI_BMC                                                           \
    "-device ipmi-channel,bmc=bmc0,number=0,medium=ipmb,chardev=peer0 " \
    "-device ipmi-channel,bmc=bmc0,number=1,medium=lan,chardev=peer1 "  \
    "-device ipmi-channel,bmc=bmc0,number=2,medium=other-lan,"          \
    "chardev=peer2 "                                                    \
    QIPMI_KCS

#define FRAME_END       0xa0
#define FRAME_MAX       1024
#define OUT_SIZE        (16 * 1024)

/* Get Device ID by an IPMB, and what the BMC answers */
#define GET_DEVICE_ID   "00 20 18 c8 82 08 01 75 a0"
#define DEVICE_ID       "00 82 1c 62 20 08 01 00 20 81 01 00 02 bf 00 00 00 " \
                        "00 00 74 a0"
/* The guest's request to controller 72h, and the same on the wire */
#define SEND_TO_72      "06 34 00 72 18 76 20 16 42 a0 a1 aa 9d"
#define ON_THE_WIRE     "0f 72 18 76 20 16 42 aa b0 aa b1 aa ba 9d a0"

static QTestState *qts;
static QIPMI kcs;
static char *dir;

static void boot(void)
{
    g_autofree char *devices = NULL;

    dir = g_dir_make_tmp("rig-ipmi-XXXXXX", NULL);
    g_assert_nonnull(dir);
    devices = g_strdup_printf(DEVICES, dir, dir, dir);
    qts = qipmi_boot(devices);
    qipmi_open(&kcs, qts, QIPMI_KCS_SLOT);
}

static void end(void)
{
    int i;

    qtest_quit(qts);
    for (i = 0; i < 3; i++) {
        g_autofree char *path = g_strdup_printf("%s/peer%d", dir, i);

        unlink(path);
    }
    g_assert_cmpint(rmdir(dir), ==, 0);
    g_clear_pointer(&dir, g_free);
}

/*
 * The peer
 */

static int connect_peer(unsigned chan)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    g_assert_cmpint(fd, >=, 0);
    g_snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/peer%u", dir, chan);
    g_assert_cmpint(connect(fd, (void *)&addr, sizeof(addr)), ==, 0);
    return fd;
}

static void say(int fd, const char *hex)
{
    uint8_t buf[FRAME_MAX];
    unsigned n = qipmi_bytes(hex, buf, sizeof(buf));

    g_assert_cmpint(send(fd, buf, n, 0), ==, n);
}

/* The next frame, as it is on the wire; in hex, free it */
static char *hear(int fd)
{
    uint8_t buf[FRAME_MAX];
    unsigned n = 0;

    do {
        g_assert_cmpuint(n, <, sizeof(buf));
        g_assert_cmpint(recv(fd, &buf[n], 1, 0), ==, 1);
    } while (buf[n++] != FRAME_END);
    return qipmi_hex(buf, n);
}

static void expect(int fd, const char *want)
{
    g_autofree char *got = hear(fd);
    uint8_t buf[FRAME_MAX];
    unsigned n = qipmi_bytes(got, buf, sizeof(buf));

    if (!qipmi_matches(want, buf, n)) {
        g_test_message("expected %s, got %s", want, got);
        g_test_fail();
    }
}

/* What was said before has been taken once this is answered. */
static void expect_alive(int fd)
{
    say(fd, GET_DEVICE_ID);
    expect(fd, DEVICE_ID);
}

static int64_t dropped(unsigned chan)
{
    return qipmi_channel_int(qts, chan, "dropped");
}

/*
 * Frames
 */

static void test_examples(void)
{
    int fd;

    boot();
    fd = connect_peer(0);
    expect_alive(fd);
    /* to software, with bytes that are escaped */
    say(fd, "00 20 c2 1e 82 04 41 aa b0 aa ba ef a0");
    expect_alive(fd);
    qipmi_expect(&kcs, "06 33", "00 00 c2 1e 82 04 41 a0 aa ef");
    /* from software */
    qipmi_expect(&kcs, SEND_TO_72, "00");
    expect(fd, ON_THE_WIRE);
    g_assert_cmpint(dropped(0), ==, 0);
    close(fd);
    end();
}

/* In pieces, and several at once */
static void test_pieces(void)
{
    int fd;

    boot();
    fd = connect_peer(0);
    say(fd, "00 20 18 c8");
    qipmi_expect(&kcs, "06 04", "00 55 00");
    say(fd, "82 08 01 75 a0 " GET_DEVICE_ID " " GET_DEVICE_ID " 00 20 c2 1e "
        "82 04 41 aa");
    expect(fd, DEVICE_ID);
    expect(fd, DEVICE_ID);
    expect(fd, DEVICE_ID);
    say(fd, "b0 aa ba ef a0 " GET_DEVICE_ID);
    expect(fd, DEVICE_ID);
    qipmi_expect(&kcs, "06 33", "00 00 c2 1e 82 04 41 a0 aa ef");
    close(fd);
    end();
}

/* Each is dropped, and counted, and what follows it is heard. */
static void test_bad(void)
{
    static const struct {
        const char *what, *frame;
    } rows[] = {
        { "empty", "a0" },
        { "no message", "00 a0" },
        { "level 6", "06 20 18 c8 82 08 01 75 a0" },
        { "level with a high nibble", "14 20 18 c8 82 08 01 75 a0" },
        { "too short", "00 20 18 c8 82 08 a0" },
        { "first checksum", "00 20 18 c9 82 08 01 75 a0" },
        { "second checksum", "00 20 18 c8 82 08 01 76 a0" },
        { "LUN 1", "00 20 19 c7 82 08 01 75 a0" },
        { "response to nothing", "00 20 1c c4 72 08 01 00 85 a0" },
        { "ends in an escape", "00 20 18 c8 82 08 01 aa a0" },
    };
    int fd, i;

    boot();
    fd = connect_peer(0);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t before = dropped(0);

        g_test_message("%s", rows[i].what);
        say(fd, rows[i].frame);
        expect_alive(fd);
        g_assert_cmpint(dropped(0), ==, before + 1);
    }
    /* A1h has no meaning of its own yet */
    say(fd, "00 20 18 c8 82 08 a1 d5 a0");
    expect(fd, "00 82 1c 62 20 08 aa b1 c1 76 a0");
    g_assert_cmpint(qipmi_query_int(qts, "queue"), ==, 0);
    close(fd);
    end();
}

/* 272 bytes are a message, one more is not */
static void test_long(void)
{
    g_autoptr(GString) frame = g_string_new("00 20 c2 1e 82 04 41");
    int64_t before;
    unsigned sum = 0x82 + 0x04 + 0x41 + 265;
    int fd, i;

    boot();
    fd = connect_peer(0);
    for (i = 0; i < 265; i++) {
        g_string_append(frame, " 01");
    }
    g_string_append_printf(frame, " %02x", -sum & 0xff);
    say(fd, frame->str);
    say(fd, "a0");
    expect_alive(fd);
    g_assert_cmpint(qipmi_query_int(qts, "queue"), ==, 1);
    qipmi_expect(&kcs, "06 33", "00 00 c2 1e 82 04 41 01 01 *");
    before = dropped(0);
    say(fd, frame->str);
    say(fd, "00 a0");
    expect_alive(fd);
    g_assert_cmpint(qipmi_query_int(qts, "queue"), ==, 0);
    g_assert_cmpint(dropped(0), ==, before + 1);
    close(fd);
    end();
}

/* The first byte is the level, on a medium with sessions */
static void test_privilege(void)
{
    int fd;

    boot();
    fd = connect_peer(1);
    say(fd, "02 07 20 00 e0 81 0c 04 00 6f a0");
    expect(fd, "01 07 81 04 7b 20 0c 04 d4 fc a0");
    say(fd, "04 07 20 00 e0 81 0c 04 00 6f a0");
    expect(fd, "01 07 81 04 7b 20 0c 04 00 d0 a0");
    qipmi_expect(&kcs, "06 40 01 00 82", "00");
    say(fd, "04 07 20 00 e0 81 0c 04 00 6f a0");
    expect(fd, "01 07 81 04 7b 20 0c 04 d4 fc a0");
    close(fd);
    end();
}

/* Nobody answers, so what has been taken is counted. */
static void wait_received(unsigned chan, int64_t n)
{
    while (qipmi_channel_int(qts, chan, "received") != n) {
        ;
    }
}

/* A medium without a format: any bytes, unless the channel is disabled */
static void test_raw(void)
{
    int fd;

    boot();
    fd = connect_peer(2);
    say(fd, "03 de ad a0");
    wait_received(2, 1);
    qipmi_expect(&kcs, "06 33", "00 32 de ad");
    qipmi_expect(&kcs, "06 34 02 be ef a0", "00");
    expect(fd, "0f be ef aa b0 a0");
    qipmi_expect(&kcs, "06 40 02 80 00", "00");
    say(fd, "03 de ad a0");
    wait_received(2, 2);
    qipmi_expect(&kcs, "06 33", "80");
    g_assert_cmpint(dropped(2), ==, 1);
    qipmi_expect(&kcs, "06 40 02 82 00", "00");
    say(fd, "03 de ad a0");
    wait_received(2, 3);
    qipmi_expect(&kcs, "06 33", "00 32 de ad");
    close(fd);
    end();
}

/*
 * Connections
 */

/* Send Message to an address that only a peer could have */
static void wait_code(uint8_t code)
{
    uint8_t buf[FRAME_MAX];
    unsigned n = qipmi_bytes(SEND_TO_72, buf, sizeof(buf));
    QIPMIRsp rsp;

    while (qipmi_cmd(&kcs, buf[0], buf[1], buf + 2, n - 2, &rsp) != code) {
        ;
    }
}

static void test_connection(void)
{
    int fd;

    boot();
    qipmi_expect(&kcs, SEND_TO_72, "83");
    fd = connect_peer(0);
    wait_code(0);
    expect(fd, ON_THE_WIRE);
    /* Half a frame goes with its connection. */
    say(fd, "00 20 18 c8");
    close(fd);
    wait_code(0x83);
    fd = connect_peer(0);
    expect_alive(fd);
    g_assert_cmpint(dropped(0), ==, 0);
    close(fd);
    end();
}

/*
 * A peer that does not read: the guest goes on, what is kept has a bound, and
 * what comes out in the end is whole frames.
 */
static void test_deaf(void)
{
    unsigned sent = 0, heard = 0;
    int fd, size = 1;

    boot();
    fd = connect_peer(0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    expect_alive(fd);
    while (!dropped(0)) {
        unsigned i;

        /* The socket's own buffers are some hundred kilobytes */
        g_assert_cmpuint(sent, <, 100000);
        for (i = 0; i < 100; i++, sent++) {
            qipmi_expect(&kcs, SEND_TO_72, "00");
        }
    }
    g_assert_cmpuint(sent * 15, >, OUT_SIZE);
    g_assert_cmpint(dropped(0), <=, 100);
    while (heard < sent - dropped(0)) {
        expect(fd, ON_THE_WIRE);
        heard++;
    }
    expect_alive(fd);
    qipmi_expect(&kcs, SEND_TO_72, "00");
    expect(fd, ON_THE_WIRE);
    close(fd);
    end();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/ipmi/chardev/examples", test_examples);
    qtest_add_func("/ipmi/chardev/pieces", test_pieces);
    qtest_add_func("/ipmi/chardev/bad", test_bad);
    qtest_add_func("/ipmi/chardev/long", test_long);
    qtest_add_func("/ipmi/chardev/privilege", test_privilege);
    qtest_add_func("/ipmi/chardev/raw", test_raw);
    qtest_add_func("/ipmi/chardev/connection", test_connection);
    qtest_add_func("/ipmi/chardev/deaf", test_deaf);
    return g_test_run();
}

/*
 * Commands that arrive on one channel of many: who gets them, who answers.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * IPMICTL_REGISTER_FOR_CMD_CHANS lets a user of /dev/ipmi0 take a command on
 * some channels. The host puts commands onto every channel of the BMC, as a
 * controller on that bus would; here stand the users. What nobody has
 * registered for is answered by the kernel with Invalid Command where it knows
 * the medium, and by nobody elsewhere.
 *
 * The channels (topologies/ipmi-channels.txt): 0 and 6 IPMB, 1 LAN, 2 serial,
 * 3 SMBus, 4 OEM, 5 other LAN, 7 PCI SMBus; 8 to Bh do not exist.
 */
#include <sys/utsname.h>

#include "host.h"
#include "ipmi-dev.h"
#include "tap.h"

#define X_NETFN 0x30
#define X_CMD 0x41
#define REMOTE 0x82         /* who sends: a slave address, or a software ID */
#define BMC 0x20
#define SMS_LUN 2
#define INVALID_COMMAND 0xc1
#define ALL 0xffffffffu

#define IS_IPMB(ch) ((ch) == 0 || (ch) == 6)
#define IS_LAN(ch) ((ch) == 1 || (ch) == 2)

static uint8_t next_seq;
/* How many messages take_sent() has taken */
static unsigned n_taken;

/*
 * Does the kernel answer for those who have not registered? On IPMBs always; on
 * LAN and serial channels 6.12 lets the command rest in silence, 7.3 answers.
 */
static bool is_answered(unsigned ch)
{
    struct utsname name;
    unsigned major = 0;

    uname(&name);
    sscanf(name.release, "%u", &major);
    return IS_IPMB(ch) || (IS_LAN(ch) && major >= 7);
}

static uint8_t checksum(const uint8_t *p, unsigned len)
{
    uint8_t sum = 0;

    while (len--) {
        sum += *p++;
    }
    return -sum;
}

/* Put command X onto channel @ch; returns its sequence number, or -1. */
static int inject(unsigned ch)
{
    next_seq = (next_seq + 1) & 0x3f;
    return host_do("ipmi-request %u %#x %#x %u 0102", ch, X_NETFN, X_CMD,
                   next_seq) ? next_seq : -1;
}

/* The bytes that the guest sent to channel @ch, oldest first; -1: nothing */
static int take_sent(unsigned ch, uint8_t *bytes, unsigned max)
{
    static HostAnswer answer;
    unsigned n = 0, byte;
    int used;
    char *p;

    if (!host_ask(&answer, "ipmi-sent %u", ch) || !answer.lines) {
        return -1;
    }
    n_taken += answer.lines;
    for (p = answer.line[0]; n < max && sscanf(p, "%2x%n", &byte, &used) == 1;
         p += used) {
        bytes[n++] = byte;
    }
    return n;
}

/* Messages to the BMC are under way for a moment. */
static int wait_sent(unsigned ch, uint8_t *bytes, unsigned max)
{
    int tries, n = -1;

    for (tries = 0; tries < 40 && n < 0; tries++) {
        usleep(50000);
        n = take_sent(ch, bytes, max);
    }
    return n;
}

/*
 * Is it the answer to command X with @seq: netFn 31h, the same command and
 * sequence number, completion code @cc?
 */
static bool is_answer(unsigned ch, const uint8_t *b, int n, uint8_t seq,
                      uint8_t cc)
{
    unsigned skip = IS_IPMB(ch) ? 0 : 1;    /* LAN: the session handle */

    return n == (int)skip + 8 && b[skip] == REMOTE &&
           b[skip + 1] >> 2 == (X_NETFN | 1) && b[skip + 4] >> 2 == seq &&
           (b[skip + 4] & 3) == SMS_LUN && b[skip + 5] == X_CMD &&
           b[skip + 6] == cc &&
           b[skip + 7] == checksum(b + skip + 3, 4);
}

static void expect_answer(unsigned ch, int seq, const char *row)
{
    uint8_t bytes[64];
    int n = wait_sent(ch, bytes, sizeof(bytes));

    tap_ok(seq >= 0 && is_answer(ch, bytes, n, seq, INVALID_COMMAND),
           "%s: the kernel answers C1h on channel %u (%d bytes)", row, ch, n);
}

static void expect_silence(unsigned ch, const char *row)
{
    uint8_t bytes[64];
    int n;

    usleep(IPMI_DEV_QUIET_MS * 1000);
    n = take_sent(ch, bytes, sizeof(bytes));
    tap_ok(n < 0, "%s: nobody answers on channel %u", row, ch);
}

/* The command must come to @fd, and from channel @ch. */
static bool expect_command(int fd, unsigned ch, int seq, const char *who,
                           const char *row, IpmiMessage *m)
{
    int addr_type = IS_IPMB(ch) ? IPMI_IPMB_ADDR_TYPE : IPMI_LAN_ADDR_TYPE;
    bool got = ipmi_dev_receive(fd, m, IPMI_DEV_WAIT_MS);

    return tap_ok(got && m->type == IPMI_CMD_RECV_TYPE &&
                  m->addr.addr_type == addr_type &&
                  m->addr.channel == (int)ch &&
                  m->netfn == X_NETFN && m->cmd == X_CMD && m->msgid == seq &&
                  m->len == 2 && m->data[0] == 1 && m->data[1] == 2,
                  "%s: %s gets the command of channel %u (type %d, channel %d)",
                  row, who, ch, got ? m->type : -1, got ? m->addr.channel : -1);
}

static void inject_unregistered(unsigned ch, const char *row)
{
    int seq = inject(ch);

    if (is_answered(ch)) {
        expect_answer(ch, seq, row);
    } else {
        expect_silence(ch, row);
    }
}

/* Rows 1 to 5: nobody has registered */
static void nobody(void)
{
    unsigned ch;

    for (ch = 0; ch <= 7; ch++) {
        inject_unregistered(ch, "nobody registered");
    }
}

/* Row 6: channels 1 and 3, of which the kernel hands on only the LAN's */
static void two_channels(int a)
{
    IpmiMessage m;
    unsigned ch;
    int seq;

    tap_ok(ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 1 | 1 << 3) == 0,
           "A registers for channels 1 and 3");
    for (ch = 0; ch <= 7; ch++) {
        if (ch == 1) {
            seq = inject(ch);
            expect_command(a, ch, seq, "A", "A has {1,3}", &m);
            tap_ok(m.addr.addr_type == IPMI_LAN_ADDR_TYPE &&
                   ((struct ipmi_lan_addr *)&m.addr)->session_handle == 7,
                   "and the session handle");
        } else {
            inject_unregistered(ch, "A has {1,3}");
        }
    }
    tap_ok(ipmi_dev_is_quiet(a), "A gets nothing else");
}

/* Rows 9 to 11: exclusive for each channel, also for the same user */
static void exclusive(int a, int b)
{
    tap_ok(ipmi_dev_register(b, X_NETFN, X_CMD, 1 << 2) == 0,
           "B registers for channel 2, which is free");
    tap_ok(ipmi_dev_register(b, X_NETFN, X_CMD, 1 << 1 | 1 << 2) == EBUSY,
           "not for {1,2}: EBUSY");
    tap_ok(ipmi_dev_register(b, X_NETFN, X_CMD, ALL) == EBUSY,
           "not for all: EBUSY");
    tap_ok(ipmi_dev_register_all(b, X_NETFN, X_CMD) == EBUSY,
           "nor by the call of before channels: EBUSY");
    tap_ok(ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 1) == EBUSY,
           "A cannot register for channel 1 twice: EBUSY");
    tap_ok(ipmi_dev_unregister(b, X_NETFN, X_CMD, 1 << 1) == ENOENT,
           "B cannot give up what A has: ENOENT");
    tap_ok(ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 3) == 0,
           "A gives up channel 3");
    tap_ok(ipmi_dev_register(b, X_NETFN, X_CMD, 1 << 3) == 0,
           "B takes it");
    tap_ok(ipmi_dev_unregister(b, X_NETFN, X_CMD, 1 << 2 | 1 << 3) == 0,
           "B gives up 2 and 3");
    tap_ok(ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 1) == 0,
           "A gives up 1");
}

/* Rows 7 and 8: two IPMBs, with one user and with two */
static void two_ipmbs(int a, int b)
{
    IpmiMessage m;
    int seq;

    tap_ok(ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 0 | 1 << 6) == 0,
           "A registers for both IPMBs");
    seq = inject(0);
    expect_command(a, 0, seq, "A", "A has {0,6}", &m);
    seq = inject(6);
    expect_command(a, 6, seq, "A", "A has {0,6}", &m);
    expect_silence(0, "A has {0,6}");
    expect_silence(6, "A has {0,6}");

    tap_ok(ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 6) == 0 &&
           ipmi_dev_register(b, X_NETFN, X_CMD, 1 << 6) == 0,
           "B takes over channel 6");
    seq = inject(6);
    expect_command(b, 6, seq, "B", "A has {0}, B has {6}", &m);
    seq = inject(0);
    expect_command(a, 0, seq, "A", "A has {0}, B has {6}", &m);
    tap_ok(ipmi_dev_is_quiet(b), "B gets nothing of channel 0");
    tap_ok(ipmi_dev_unregister(b, X_NETFN, X_CMD, 1 << 6) == 0 &&
           ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 0) == 0,
           "both give up");
}

/* Rows 12 and 13: no channel at all, and bits beyond the channels */
static void odd_masks(int a)
{
    tap_ok(ipmi_dev_register(a, X_NETFN, X_CMD, 0) == 0,
           "A registers for no channel");
    inject_unregistered(0, "A has {}");
    tap_ok(ipmi_dev_unregister(a, X_NETFN, X_CMD, 0) == ENOENT,
           "which cannot be given up: ENOENT");
    tap_ok(ipmi_dev_register(a, X_NETFN, X_CMD, ALL) == 0 &&
           ipmi_dev_unregister(a, X_NETFN, X_CMD, 0xffff) == 0,
           "A registers for all, and gives up channels 0 to Fh");
    inject_unregistered(0, "A has bits 16 and up");
    tap_ok(ipmi_dev_register(a, X_NETFN, X_CMD, ALL) == EBUSY,
           "bits that no channel has count all the same: EBUSY");
    tap_ok(ipmi_dev_register(a, X_NETFN, X_CMD, 0xffff) == 0 &&
           ipmi_dev_unregister(a, X_NETFN, X_CMD, ALL) == 0,
           "0 to Fh can be had again");
}

/* Row 14: a serial channel looks like a LAN */
static void serial(int a)
{
    IpmiMessage m;
    int seq;

    tap_ok(ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 2) == 0,
           "A registers for the serial channel");
    seq = inject(2);
    expect_command(a, 2, seq, "A", "serial", &m);
    ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 2);
}

/*
 * Rows 15 and 16: the kernel looks up what comes from an OEM channel by the
 * network function and command of Get Message itself.
 */
static void oem(int a)
{
    IpmiMessage m;
    bool got;

    tap_ok(ipmi_dev_register(a, 0x07, 0x33, 1 << 4) == 0,
           "A registers for Get Message on the OEM channel");
    host_do("ipmi-raw 4 deadbeef");
    got = ipmi_dev_receive(a, &m, IPMI_DEV_WAIT_MS);
    tap_ok(got && m.type == IPMI_OEM_RECV_TYPE && m.msgid == 0 &&
           m.addr.addr_type == IPMI_SYSTEM_INTERFACE_ADDR_TYPE &&
           m.len == 4 && !memcmp(m.data, "\xde\xad\xbe\xef", 4),
           "A gets the bytes as an OEM message (type %d, %u bytes)",
           got ? m.type : -1, m.len);
    ipmi_dev_unregister(a, 0x07, 0x33, 1 << 4);
    tap_ok(ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 4) == 0,
           "A registers for X on the OEM channel");
    host_do("ipmi-raw 4 c041");
    tap_ok(ipmi_dev_is_quiet(a), "and gets nothing");
    ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 4);
}

/* Row 17: closing gives up everything */
static void closing(void)
{
    int c = ipmi_dev_open();

    tap_ok(ipmi_dev_register(c, X_NETFN, X_CMD, 1 << 1) == 0,
           "C registers for channel 1, and closes");
    close(c);
    inject_unregistered(1, "C is gone");
}

/* Row 18: a user answers by himself */
static void user_answers(int a)
{
    uint8_t cc = 0x55, bytes[64];
    IpmiMessage m;
    int seq, n;

    tap_ok(ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 0) == 0,
           "A registers for channel 0");
    seq = inject(0);
    if (expect_command(a, 0, seq, "A", "A answers", &m)) {
        tap_ok(ipmi_dev_send(a, &m.addr, sizeof(struct ipmi_ipmb_addr), m.msgid,
                             X_NETFN | 1, X_CMD, &cc, 1) == 0, "A answers 55h");
        n = wait_sent(0, bytes, sizeof(bytes));
        tap_ok(is_answer(0, bytes, n, seq, 0x55),
               "the answer is on channel 0 (%d bytes)", n);
        tap_ok(ipmi_dev_receive(a, &m, IPMI_DEV_WAIT_MS) &&
               m.type == IPMI_RESPONSE_RESPONSE_TYPE && m.len == 1 &&
               m.data[0] == 0, "A is told that it was sent");
    }
    ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 0);
}

/* Row 23: addresses that the medium does not have */
static void wrong_address(int a)
{
    struct ipmi_lan_addr lan = {
        .addr_type = IPMI_LAN_ADDR_TYPE, .channel = 0, .remote_SWID = 0x81,
        .local_SWID = 0x81,
    };

    tap_ok(ipmi_dev_send_ipmb(a, 1, 0x72, 1, 6, 1, NULL, 0) == EINVAL,
           "an IPMB address on the LAN channel: EINVAL");
    tap_ok(ipmi_dev_send(a, &lan, sizeof(lan), 1, 6, 1, NULL, 0) == EINVAL,
           "a LAN address on an IPMB channel: EINVAL");
    tap_ok(ipmi_dev_send_ipmb(a, 9, 0x72, 1, 6, 1, NULL, 0) == EINVAL,
           "a channel that does not exist: EINVAL");
}

/* Row 24: many at once, and none is lost or out of order */
static void many(int a)
{
    unsigned i, in_order = 0;
    int first = next_seq;
    IpmiMessage m;

    tap_ok(ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 0) == 0,
           "A registers for channel 0");
    for (i = 0; i < 30; i++) {
        inject(0);
    }
    for (i = 0; i < 30; i++) {
        in_order += ipmi_dev_receive(a, &m, IPMI_DEV_WAIT_MS) &&
                    m.msgid == ((first + 1 + (int)i) & 0x3f);
    }
    tap_ok(in_order == 30, "30 commands later all 30 are there, in order (%u)",
           in_order);
    ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 0);
}

/*
 * A request of A's to nobody in particular; the host sees it, with this
 * sequence number, or -1.
 */
static int send_and_see(int a, unsigned ch, uint8_t slave, long msgid)
{
    uint8_t bytes[64];
    int n;

    if (ipmi_dev_send_ipmb(a, ch, slave, msgid, 0x06, 0x01, NULL, 0)) {
        return -1;
    }
    n = wait_sent(ch, bytes, sizeof(bytes));
    return n == 7 && bytes[0] == slave && bytes[1] == 0x06 << 2 &&
           bytes[3] == BMC && (bytes[4] & 3) == SMS_LUN && bytes[5] == 0x01 ?
           bytes[4] >> 2 : -1;
}

/* Row 19: the BMC does not get rid of the user's answer */
static void answer_is_refused(int a)
{
    uint8_t cc = 0x55;
    IpmiMessage m;
    int seq;

    ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 0);
    seq = inject(0);
    if (expect_command(a, 0, seq, "A", "row 19", &m)) {
        host_do("ipmi-fault completion 06 34 code=0x83");
        tap_ok(ipmi_dev_send(a, &m.addr, sizeof(struct ipmi_ipmb_addr), m.msgid,
                             X_NETFN | 1, X_CMD, &cc, 1) == 0 &&
               ipmi_dev_receive(a, &m, IPMI_DEV_WAIT_MS) &&
               m.type == IPMI_RESPONSE_RESPONSE_TYPE && m.len == 1 &&
               m.data[0] == 0x83,
               "row 19: A is told that Send Message had 83h");
        host_do("ipmi-faults []");
    }
    ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 0);
}

/* Row 20: what looks like a response to nothing */
static void unasked_response(int a)
{
    ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 0);
    host_do("ipmi-response 0 %u %u 5 00", X_NETFN, X_CMD);
    tap_ok(ipmi_dev_is_quiet(a), "row 20: nobody gets a response to nothing");
    expect_silence(0, "row 20");
    ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 0);
}

/* Row 21: a request of A's, and its answer by the host and by a satellite */
static void bridged(int a)
{
    IpmiMessage m;
    int seq = send_and_see(a, 0, 0x72, 77);

    tap_ok(seq >= 0, "row 21: the request of A is on channel 0, from LUN 2");
    host_do("ipmi-response 0 0x06 0x01 %d 2a2b", seq);
    tap_ok(ipmi_dev_receive(a, &m, IPMI_DEV_WAIT_MS) &&
           m.type == IPMI_RESPONSE_RECV_TYPE && m.msgid == 77 &&
           m.addr.addr_type == IPMI_IPMB_ADDR_TYPE && m.addr.channel == 0 &&
           m.len == 3 && !m.data[0] && m.data[1] == 0x2a && m.data[2] == 0x2b,
           "row 21: A gets the answer, completion code first (%u bytes)",
           m.len);
    /* Time jumps while the host works: the kernel may have tried again. */
    take_sent(0, m.data, sizeof(m.data));
    tap_ok(ipmi_dev_send_ipmb(a, 6, REMOTE, 78, 0x06, 0x04, NULL, 0) == 0 &&
           ipmi_dev_receive(a, &m, IPMI_DEV_WAIT_MS) && m.msgid == 78 &&
           m.addr.channel == 6 && m.len == 3 && m.data[1] == 0x55,
           "row 21: the satellite of channel 6 answers");
    wait_sent(6, m.data, sizeof(m.data));
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* Row 22: the answer comes by another channel, with the sequence number */
static void answer_elsewhere(int a)
{
    double start = now(), took;
    unsigned before = n_taken;
    IpmiMessage m;
    int seq = send_and_see(a, 6, 0x72, 79);

    host_do("ipmi-response 0 0x06 0x01 %d 2a2b", seq);
    tap_ok(seq >= 0 && ipmi_dev_is_quiet(a),
           "row 22: an answer on channel 0 is none for what went to 6");
    m.len = 0;
    tap_ok(ipmi_dev_receive(a, &m, 20000) && m.msgid == 79 && m.len == 1 &&
           m.data[0] == 0xc3, "row 22: A is told C3h in the end");
    took = now() - start;
    tap_ok(took > 9 && took < 12, "row 22: after %.1f s", took);
    take_sent(6, m.data, sizeof(m.data));
    tap_ok(n_taken - before == 5, "row 22: the kernel has sent it five times "
           "(%u)", n_taken - before);
}

/* Row 26: too short for a command */
static void short_command(int a)
{
    IpmiMessage m;
    int seq;

    ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 0);
    host_do("ipmi-raw 0 c21e820041");
    tap_ok(ipmi_dev_is_quiet(a), "row 26: nobody gets a command of 9 bytes");
    expect_silence(0, "row 26");
    seq = inject(0);
    expect_command(a, 0, seq, "A", "row 26, then", &m);
    ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 0);
}

/* Row 27: Enable Message Channel Receive */
static void receive_disabled(int a)
{
    static const uint8_t off[] = { 1, 0 }, on[] = { 1, 1 };
    uint8_t bytes[64];
    IpmiMessage m;
    int seq, n;

    ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 1);
    tap_ok(ipmi_dev_do(a, 0x06, 0x32, off, 2, NULL, NULL) == 0,
           "row 27: A disables reception on channel 1");
    next_seq = (next_seq + 1) & 0x3f;
    host_do("ipmi-request 1 %u %u %u 0102", X_NETFN, X_CMD, next_seq);
    tap_ok(ipmi_dev_is_quiet(a), "row 27: A gets nothing");
    n = wait_sent(1, bytes, sizeof(bytes));
    tap_ok(is_answer(1, bytes, n, next_seq, 0xd3),
           "row 27: the console is told D3h (%d bytes)", n);
    tap_ok(ipmi_dev_do(a, 0x06, 0x32, on, 2, NULL, NULL) == 0,
           "row 27: A enables it again");
    seq = inject(1);
    expect_command(a, 1, seq, "A", "row 27, then", &m);
    ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 1);
}

/*
 * Row 28: a privilege level on an IPMB. The kernel copies it into the byte of
 * Send Message that has the channel; the answer must get to channel 0.
 */
static void privilege_on_ipmb(void)
{
    next_seq = (next_seq + 1) & 0x3f;
    host_do("ipmi-request 0 %u %u %u 0102 privilege=4", X_NETFN, X_CMD,
            next_seq);
    expect_answer(0, next_seq, "row 28: privilege 4 on an IPMB");
}

/*
 * Row 25: A does not read. The kernel keeps 100 messages for a user; the rest
 * waits in the interface's own queue, and everybody else's answers behind it.
 */
static void nobody_reads(int a, int b)
{
    unsigned put = 0, got = 0, in_order = 0, late = 0;
    int first = next_seq;
    IpmiMessage m;

    ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 0);
    while (put < 150 && inject(0) >= 0) {
        put++;
    }
    tap_ok(put == 150, "row 25: the kernel fetches all 150 commands (%u)", put);
    tap_ok(ipmi_dev_do(b, 0x06, 0x04, NULL, 0, NULL, NULL) < 0,
           "row 25: B gets no answer as long as A does not read");
    while (ipmi_dev_receive(a, &m, IPMI_DEV_WAIT_MS)) {
        in_order += m.msgid == ((first + 1 + (int)got) & 0x3f);
        got++;
    }
    tap_ok(got == 100 && in_order == 100,
           "row 25: A reads 100, in order (%u, %u)", got, in_order);
    inject(0);
    while (ipmi_dev_receive(a, &m, IPMI_DEV_QUIET_MS)) {
        in_order += m.msgid == ((first + 1 + (int)(got + late)) & 0x3f);
        late++;
    }
    tap_ok(late == 51 && in_order == 151,
           "row 25: the next command brings the others (%u)", late);
    tap_ok(ipmi_dev_do(b, 0x06, 0x04, NULL, 0, NULL, NULL) == 0,
           "row 25: B gets answers again");
    ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 0);
}

/* Row 29: no driver: what comes in waits in the BMC, and nobody answers it */
static void no_driver(void)
{
    IpmiInterfaces interfaces;
    unsigned ch;

    tap_ok(ipmi_dev_unbind(&interfaces) == 1, "row 29: the driver is gone");
    for (ch = 0; ch <= 2; ch++) {
        tap_ok(inject(ch) >= 0, "row 29: the BMC takes a command on %u", ch);
        expect_silence(ch, "row 29");
    }
    ipmi_dev_bind(&interfaces);
    close(ipmi_dev_open());
    /* What had waited is fetched before the kernel knows its channels. */
    for (ch = 0; ch <= 2; ch++) {
        expect_silence(ch, "row 29, the driver is back");
    }
    inject_unregistered(0, "row 29, then");
}

/*
 * Row 30: the scan of the channels ends at number 3, with C1h. Linux 6.12
 * begins it once more, so that the C1h has to stay.
 */
static void cut_scan(void)
{
    IpmiInterfaces interfaces;
    unsigned ch;

    ipmi_dev_unbind(&interfaces);
    host_do("ipmi-fault completion 06 42 first=4 count=0 code=0xc1");
    ipmi_dev_bind(&interfaces);
    close(ipmi_dev_open());
    host_do("ipmi-faults []");
    for (ch = 0; ch <= 7; ch++) {
        int seq = inject(ch);

        if (ch < 3 && is_answered(ch)) {
            expect_answer(ch, seq, "row 30");
        } else {
            expect_silence(ch, "row 30");
        }
    }
    ipmi_dev_unbind(&interfaces);
    ipmi_dev_bind(&interfaces);
    close(ipmi_dev_open());
    inject_unregistered(6, "row 30, scanned anew");
}

int main(void)
{
    int a = ipmi_dev_open(), b = ipmi_dev_open();

    if (!tap_ok(a >= 0 && b >= 0, "/dev/ipmi0 is there")) {
        return tap_done();
    }
    nobody();
    two_channels(a);
    exclusive(a, b);
    two_ipmbs(a, b);
    odd_masks(a);
    serial(a);
    oem(a);
    closing();
    user_answers(a);
    wrong_address(a);
    many(a);
    answer_is_refused(a);
    unasked_response(a);
    bridged(a);
    answer_elsewhere(a);
    short_command(a);
    receive_disabled(a);
    privilege_on_ipmb();
    nobody_reads(a, b);
    close(a);
    close(b);
    no_driver();
    cut_scan();
    return tap_done();
}

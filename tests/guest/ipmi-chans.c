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
 * Who gets a message and who is told what is the kernel's doing, and so are nearly
 * all points here. Those of the machine: the BMC takes what the host puts onto a
 * channel, answers by itself only where it has to, and loses nothing.
 *
 * The channels (topologies/ipmi-channels.txt): 0 and 6 IPMB, 1 LAN, 2 serial,
 * 3 SMBus, 4 OEM, 5 other LAN, 7 PCI SMBus; 8 to Bh do not exist.
 */
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

static uint8_t checksum(const uint8_t *p, unsigned len)
{
    uint8_t sum = 0;

    while (len--) {
        sum += *p++;
    }
    return -sum;
}

/* What an ioctl() said, in a word */
static const char *word_of(int error)
{
    return error == 0 ? "done" : error == EBUSY ? "EBUSY" :
           error == ENOENT ? "ENOENT" : error == EINVAL ? "EINVAL" :
           strerror(error);
}

static void expect(int error, int wanted, const char *words)
{
    tap_kernel(error == wanted, "%s => %s", words, word_of(error));
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

/* What came back by channel @ch, in a word or in all its bytes */
static const char *word_of_answer(unsigned ch, const uint8_t *b, int n, int seq)
{
    static char text[3 * 64 + 1];
    int i;

    if (n < 0) {
        return "nothing";
    }
    if (seq >= 0 && is_answer(ch, b, n, seq, INVALID_COMMAND)) {
        return "C1h";
    }
    if (seq >= 0 && is_answer(ch, b, n, seq, 0x55)) {
        return "55h";
    }
    for (text[0] = '\0', i = 0; i < n; i++) {
        sprintf(text + 3 * i, i ? " %02x" : "%02x", b[i]);
    }
    return text;
}

/* Nobody is to answer; @seq: to what, or -1 */
static void expect_silence(unsigned ch, const char *row, int seq)
{
    uint8_t bytes[64];
    int n;

    usleep(IPMI_DEV_QUIET_MS * 1000);
    n = take_sent(ch, bytes, sizeof(bytes));
    tap_kernel(n < 0, "%s: what comes back by channel %u => %s", row, ch,
               word_of_answer(ch, bytes, n, seq));
}

/*
 * The kernel answers for those who have not registered: on IPMBs always, on LAN
 * and serial channels where it thinks of them, and nowhere else.
 */
static void expect_default(unsigned ch, const char *row, int seq)
{
    uint8_t bytes[64];
    const char *word;
    int n;

    if (!IS_IPMB(ch) && !IS_LAN(ch)) {
        expect_silence(ch, row, seq);
        return;
    }
    n = wait_sent(ch, bytes, sizeof(bytes));
    word = word_of_answer(ch, bytes, n, seq);
    if (IS_IPMB(ch)) {
        tap_kernel(!strcmp(word, "C1h"),
                   "%s: what comes back by channel %u => %s", row, ch, word);
    } else {
        tap_kernel_open("%s: what comes back by channel %u => %s", row, ch,
                        word);
    }
}

/* What a user got, as far as it is not what he is to get */
static const char *word_of_message(bool got, const IpmiMessage *m,
                                   unsigned ch, int seq)
{
    int addr_type = IS_IPMB(ch) ? IPMI_IPMB_ADDR_TYPE : IPMI_LAN_ADDR_TYPE;
    static char text[128];

    if (!got) {
        return "nothing";
    }
    if (m->type == IPMI_CMD_RECV_TYPE && m->addr.addr_type == addr_type &&
        m->addr.channel == (int)ch && m->netfn == X_NETFN && m->cmd == X_CMD &&
        m->len == 2 && m->data[0] == 1 && m->data[1] == 2) {
        return m->msgid == seq ? "yes" : "with another msgid";
    }
    snprintf(text, sizeof(text), "type %d, address type 0x%x, channel %d, "
             "%02x %02x, %u bytes", m->type, m->addr.addr_type,
             m->addr.channel, m->netfn, m->cmd, m->len);
    return text;
}

/* The command must come to @fd, and from channel @ch. */
static bool expect_command(int fd, unsigned ch, int seq, const char *who,
                           const char *row, IpmiMessage *m)
{
    bool got = ipmi_dev_receive(fd, m, IPMI_DEV_WAIT_MS);
    const char *word = word_of_message(got, m, ch, seq);

    return tap_kernel(!strcmp(word, "yes"), "%s: %s gets the command of channel "
                      "%u => %s (msgid %ld, sequence number %d)", row, who, ch,
                      word, got ? m->msgid : -1, seq);
}

static void inject_unregistered(unsigned ch, const char *row)
{
    int seq = inject(ch);

    tap_ok(seq >= 0, "%s: the BMC takes a command on channel %u", row, ch);
    expect_default(ch, row, seq);
}

/* What a user got that is no command of this program's */
static const char *word_of_response(bool got, const IpmiMessage *m)
{
    static char text[96];
    unsigned i;

    if (!got) {
        return "nothing";
    }
    snprintf(text, sizeof(text), "type %d, channel %d:", m->type,
             m->addr.channel);
    for (i = 0; i < m->len && i < 8; i++) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), " %02x",
                 m->data[i]);
    }
    return text;
}

static void expect_quiet(int fd, const char *words)
{
    IpmiMessage m;
    bool got = ipmi_dev_receive(fd, &m, IPMI_DEV_QUIET_MS);

    tap_kernel(!got, "%s => %s", words, word_of_response(got, &m));
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

    expect(ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 1 | 1 << 3), 0,
           "A has {1,3}: A registers");
    for (ch = 0; ch <= 7; ch++) {
        if (ch == 1) {
            seq = inject(ch);
            tap_ok(seq >= 0, "A has {1,3}: the BMC takes a command on channel "
                   "1");
            expect_command(a, ch, seq, "A", "A has {1,3}", &m);
            tap_kernel(m.addr.addr_type == IPMI_LAN_ADDR_TYPE &&
                       ((struct ipmi_lan_addr *)&m.addr)->session_handle == 7,
                       "A has {1,3}: the session handle => %u",
                       ((struct ipmi_lan_addr *)&m.addr)->session_handle);
        } else {
            inject_unregistered(ch, "A has {1,3}");
        }
    }
    expect_quiet(a, "A has {1,3}: what A gets besides");
}

/* Rows 9 to 11: exclusive for each channel, also for the same user */
static void exclusive(int a, int b)
{
    expect(ipmi_dev_register(b, X_NETFN, X_CMD, 1 << 2), 0,
           "A has {1,3}: B registers for channel 2, which is free");
    expect(ipmi_dev_register(b, X_NETFN, X_CMD, 1 << 1 | 1 << 2), EBUSY,
           "A has {1,3}: B registers for {1,2}");
    expect(ipmi_dev_register(b, X_NETFN, X_CMD, ALL), EBUSY,
           "A has {1,3}: B registers for all");
    expect(ipmi_dev_register_all(b, X_NETFN, X_CMD), EBUSY,
           "A has {1,3}: B registers by the call of before channels");
    expect(ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 1), EBUSY,
           "A has {1,3}: A registers for channel 1 again");
    expect(ipmi_dev_unregister(b, X_NETFN, X_CMD, 1 << 1), ENOENT,
           "A has {1,3}: B gives up what A has");
    expect(ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 3), 0,
           "A has {1,3}: A gives up channel 3");
    expect(ipmi_dev_register(b, X_NETFN, X_CMD, 1 << 3), 0,
           "A has {1}: B takes channel 3");
    expect(ipmi_dev_unregister(b, X_NETFN, X_CMD, 1 << 2 | 1 << 3), 0,
           "A has {1}: B gives up 2 and 3");
    expect(ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 1), 0,
           "A has {1}: A gives up 1");
}

/* Rows 7 and 8: two IPMBs, with one user and with two */
static void two_ipmbs(int a, int b)
{
    IpmiMessage m;
    int seq;

    expect(ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 0 | 1 << 6), 0,
           "A has {0,6}: A registers");
    seq = inject(0);
    expect_command(a, 0, seq, "A", "A has {0,6}", &m);
    seq = inject(6);
    expect_command(a, 6, seq, "A", "A has {0,6}", &m);
    expect_silence(0, "A has {0,6}", -1);
    expect_silence(6, "A has {0,6}", -1);

    expect(ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 6), 0,
           "A has {0}, B has {6}: A gives up 6");
    expect(ipmi_dev_register(b, X_NETFN, X_CMD, 1 << 6), 0,
           "A has {0}, B has {6}: B registers");
    seq = inject(6);
    expect_command(b, 6, seq, "B", "A has {0}, B has {6}", &m);
    seq = inject(0);
    expect_command(a, 0, seq, "A", "A has {0}, B has {6}", &m);
    expect_quiet(b, "A has {0}, B has {6}: what B gets besides");
    expect(ipmi_dev_unregister(b, X_NETFN, X_CMD, 1 << 6), 0,
           "A has {0}, B has {6}: B gives up");
    expect(ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 0), 0,
           "A has {0}, B has {6}: A gives up");
}

/* Rows 12 and 13: no channel at all, and bits beyond the channels */
static void odd_masks(int a)
{
    expect(ipmi_dev_register(a, X_NETFN, X_CMD, 0), 0,
           "A has {}: A registers for no channel");
    inject_unregistered(0, "A has {}");
    expect(ipmi_dev_unregister(a, X_NETFN, X_CMD, 0), ENOENT,
           "A has {}: A gives up what it has not");
    expect(ipmi_dev_register(a, X_NETFN, X_CMD, ALL), 0,
           "A has bits 16 and up: A registers for all");
    expect(ipmi_dev_unregister(a, X_NETFN, X_CMD, 0xffff), 0,
           "A has bits 16 and up: A gives up channels 0 to Fh");
    inject_unregistered(0, "A has bits 16 and up");
    expect(ipmi_dev_register(a, X_NETFN, X_CMD, ALL), EBUSY,
           "A has bits 16 and up: A registers for all once more");
    expect(ipmi_dev_register(a, X_NETFN, X_CMD, 0xffff), 0,
           "A has bits 16 and up: A registers for 0 to Fh");
    expect(ipmi_dev_unregister(a, X_NETFN, X_CMD, ALL), 0,
           "A has bits 16 and up: A gives up all");
}

/* Row 14: a serial channel looks like a LAN */
static void serial(int a)
{
    IpmiMessage m;
    int seq;

    expect(ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 2), 0,
           "serial: A registers");
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

    expect(ipmi_dev_register(a, 0x07, 0x33, 1 << 4), 0,
           "OEM channel: A registers for Get Message");
    tap_ok(host_do("ipmi-raw 4 deadbeef"),
           "OEM channel: the BMC takes four bytes");
    got = ipmi_dev_receive(a, &m, IPMI_DEV_WAIT_MS);
    tap_kernel(got && m.type == IPMI_OEM_RECV_TYPE &&
               m.addr.addr_type == IPMI_SYSTEM_INTERFACE_ADDR_TYPE &&
               m.len == 4 && !memcmp(m.data, "\xde\xad\xbe\xef", 4),
               "OEM channel: the message that A gets => %s",
               word_of_response(got, &m));
    /* There is no request of A's that it could be the answer to. */
    tap_kernel(got && m.msgid == 0, "OEM channel: the message's msgid => %s "
               "(0x%lx)", !got ? "no message" : m.msgid ? "not 0" : "0",
               m.msgid);
    ipmi_dev_unregister(a, 0x07, 0x33, 1 << 4);
    expect(ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 4), 0,
           "OEM channel: A registers for X");
    tap_ok(host_do("ipmi-raw 4 c041"), "OEM channel: the BMC takes two bytes");
    expect_quiet(a, "OEM channel: what A gets, registered for X");
    ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 4);
}

/* Row 17: closing gives up everything */
static void closing(void)
{
    int c = ipmi_dev_open();

    expect(ipmi_dev_register(c, X_NETFN, X_CMD, 1 << 1), 0,
           "C is gone: C registers for channel 1, and closes");
    close(c);
    inject_unregistered(1, "C is gone");
}

/* The user's answer is on its way: what A is told, a completion code */
static void expect_told(int a, uint8_t code, const char *row)
{
    IpmiMessage m;
    bool got = ipmi_dev_receive(a, &m, IPMI_DEV_WAIT_MS);

    tap_kernel(got && m.type == IPMI_RESPONSE_RESPONSE_TYPE && m.len == 1 &&
               m.data[0] == code, "%s: what A is told of its answer => %s", row,
               word_of_response(got, &m));
}

/* Row 18: a user answers by himself */
static void user_answers(int a)
{
    uint8_t cc = 0x55, bytes[64];
    IpmiMessage m;
    int seq, n;

    expect(ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 0), 0,
           "A answers: A registers for channel 0");
    seq = inject(0);
    expect_command(a, 0, seq, "A", "A answers", &m);
    expect(ipmi_dev_send(a, &m.addr, sizeof(struct ipmi_ipmb_addr), m.msgid,
                         X_NETFN | 1, X_CMD, &cc, 1), 0,
           "A answers: A sends 55h");
    n = wait_sent(0, bytes, sizeof(bytes));
    tap_kernel(is_answer(0, bytes, n, seq, 0x55),
               "A answers: what comes back by channel 0 => %s",
               word_of_answer(0, bytes, n, seq));
    expect_told(a, 0, "A answers");
    ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 0);
}

/* Row 23: addresses that the medium does not have */
static void wrong_address(int a)
{
    struct ipmi_lan_addr lan = {
        .addr_type = IPMI_LAN_ADDR_TYPE, .channel = 0, .remote_SWID = 0x81,
        .local_SWID = 0x81,
    };

    expect(ipmi_dev_send_ipmb(a, 1, 0x72, 1, 6, 1, NULL, 0), EINVAL,
           "row 23: an IPMB address on the LAN channel");
    expect(ipmi_dev_send(a, &lan, sizeof(lan), 1, 6, 1, NULL, 0), EINVAL,
           "row 23: a LAN address on an IPMB channel");
    expect(ipmi_dev_send_ipmb(a, 9, 0x72, 1, 6, 1, NULL, 0), EINVAL,
           "row 23: a channel that does not exist");
}

/* Row 24: many at once, and none is lost or out of order */
static void many(int a)
{
    unsigned i, put = 0, in_order = 0;
    int first = next_seq;
    IpmiMessage m;

    ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 0);
    for (i = 0; i < 30; i++) {
        put += inject(0) >= 0;
    }
    tap_ok(put == 30, "row 24: the BMC takes 30 commands => %u", put);
    for (i = 0; i < 30; i++) {
        in_order += ipmi_dev_receive(a, &m, IPMI_DEV_WAIT_MS) &&
                    m.msgid == ((first + 1 + (int)i) & 0x3f);
    }
    tap_kernel(in_order == 30, "row 24: how many come to A, in order => %u",
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
    expect_command(a, 0, seq, "A", "row 19", &m);
    tap_ok(host_do("ipmi-fault completion 06 34 code=0x83"),
           "row 19: Send Message is to have 83h");
    expect(ipmi_dev_send(a, &m.addr, sizeof(struct ipmi_ipmb_addr), m.msgid,
                         X_NETFN | 1, X_CMD, &cc, 1), 0,
           "row 19: A sends 55h");
    expect_told(a, 0x83, "row 19");
    host_do("ipmi-faults []");
    ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 0);
}

/* Row 20: what looks like a response to nothing */
static void unasked_response(int a)
{
    ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 0);
    tap_ok(host_do("ipmi-response 0 %u %u 5 00", X_NETFN, X_CMD),
           "row 20: the BMC takes a response to nothing");
    expect_quiet(a, "row 20: what A gets");
    expect_silence(0, "row 20", -1);
    ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 0);
}

/* Row 21: a request of A's, and its answer by the host and by a satellite */
static void bridged(int a)
{
    int seq = send_and_see(a, 0, 0x72, 77);
    IpmiMessage m;
    bool got;

    tap_kernel(seq >= 0, "row 21: the request of A is on channel 0, from LUN 2 "
               "=> %s", seq < 0 ? "no" : "yes");
    tap_ok(host_do("ipmi-response 0 0x06 0x01 %d 2a2b", seq < 0 ? 0 : seq),
           "row 21: the BMC takes the answer");
    got = ipmi_dev_receive(a, &m, IPMI_DEV_WAIT_MS);
    tap_kernel(got && m.type == IPMI_RESPONSE_RECV_TYPE && m.msgid == 77 &&
               m.addr.addr_type == IPMI_IPMB_ADDR_TYPE && m.addr.channel == 0 &&
               m.len == 3 && !m.data[0] && m.data[1] == 0x2a &&
               m.data[2] == 0x2b, "row 21: the answer that A gets => %s (msgid "
               "%ld, wanted 77)", word_of_response(got, &m), m.msgid);
    got = ipmi_dev_send_ipmb(a, 6, REMOTE, 78, 0x06, 0x04, NULL, 0) == 0 &&
          ipmi_dev_receive(a, &m, IPMI_DEV_WAIT_MS);
    tap_kernel(got && m.msgid == 78 && m.addr.channel == 6 && m.len == 3 &&
               m.data[1] == 0x55, "row 21: what the satellite of channel 6 "
               "answers => %s (msgid %ld, wanted 78)",
               word_of_response(got, &m), m.msgid);
    wait_sent(6, m.data, sizeof(m.data));
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/*
 * Row 22: the answer comes by another channel, with the sequence number. The
 * kernel tries five times, for 10 s in all.
 */
static void answer_elsewhere(int a)
{
    double start = now(), took;
    unsigned before = n_taken;
    IpmiMessage m;
    int seq = send_and_see(a, 6, 0x72, 79);
    bool got;

    tap_kernel(seq >= 0, "row 22: the request of A is on channel 6 => %s",
               seq < 0 ? "no" : "yes");
    tap_ok(host_do("ipmi-response 0 0x06 0x01 %d 2a2b", seq < 0 ? 0 : seq),
           "row 22: the BMC takes an answer on channel 0");
    expect_quiet(a, "row 22: what A gets then");
    got = ipmi_dev_receive(a, &m, 20000);
    took = now() - start;
    tap_kernel(got && m.msgid == 79 && m.len == 1 && m.data[0] == 0xc3,
               "row 22: what A is told in the end => %s (msgid %ld, wanted 79; "
               "after %.1f s)", word_of_response(got, &m), m.msgid, took);
    tap_kernel(took > 9 && took < 12, "row 22: the end comes after 9 to 12 s "
               "=> %s (%.1f s)", took <= 9 ? "earlier" : took >= 12 ? "later" :
               "yes", took);
    take_sent(6, m.data, sizeof(m.data));
    tap_kernel(n_taken - before == 5, "row 22: how often it was sent => %u",
               n_taken - before);
}

/* Row 26: too short for a command */
static void short_command(int a)
{
    IpmiMessage m;
    int seq;

    ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 0);
    tap_ok(host_do("ipmi-raw 0 c21e820041"),
           "row 26: the BMC takes a command of 9 bytes");
    expect_quiet(a, "row 26: what A gets of it");
    expect_silence(0, "row 26", -1);
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
    int seq, n, code;

    ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 1);
    code = ipmi_dev_do(a, 0x06, 0x32, off, 2, NULL, NULL);
    tap_kernel(code == 0, "row 27: A disables reception on channel 1 => %d",
               code);
    seq = inject(1);
    expect_quiet(a, "row 27: what A gets");
    n = wait_sent(1, bytes, sizeof(bytes));
    /* That is the BMC itself, if it was told to. */
    tap_ok(code != 0 || is_answer(1, bytes, n, seq, 0xd3),
           "row 27: the console is told D3h (%s)",
           word_of_answer(1, bytes, n, -1));
    code = ipmi_dev_do(a, 0x06, 0x32, on, 2, NULL, NULL);
    tap_kernel(code == 0, "row 27: A enables it again => %d", code);
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
    tap_ok(host_do("ipmi-request 0 %u %u %u 0102 privilege=4", X_NETFN, X_CMD,
                   next_seq), "row 28: the BMC takes a command with a privilege "
           "level on an IPMB");
    expect_default(0, "row 28", next_seq);
}

/*
 * Row 25: A does not read. The kernel keeps 100 messages for a user; the rest
 * waits in the interface's own queue, and everybody else's answers behind it.
 */
static void nobody_reads(int a, int b)
{
    unsigned put = 0, got = 0, in_order = 0, late = 0;
    int first = next_seq, code;
    IpmiMessage m;

    ipmi_dev_register(a, X_NETFN, X_CMD, 1 << 0);
    while (put < 150 && inject(0) >= 0) {
        put++;
    }
    /* The queue of the BMC has 32 places. */
    tap_kernel(put == 150, "row 25: the kernel fetches all 150 commands => %s "
               "(%u)", put == 150 ? "yes" : "no", put);
    code = ipmi_dev_do(b, 0x06, 0x04, NULL, 0, NULL, NULL);
    tap_kernel_open("row 25: B gets an answer while A does not read => %s",
                    code < 0 ? "no" : "yes");
    while (ipmi_dev_receive(a, &m, IPMI_DEV_WAIT_MS)) {
        in_order += m.msgid == ((first + 1 + (int)got) & 0x3f);
        got++;
    }
    tap_kernel_open("row 25: how many A reads, and how many in order => %u, %u",
                    got, in_order);
    inject(0);
    while (ipmi_dev_receive(a, &m, IPMI_DEV_QUIET_MS)) {
        in_order += m.msgid == ((first + 1 + (int)(got + late)) & 0x3f);
        late++;
    }
    tap_kernel_open("row 25: how many the next command brings => %u", late);
    tap_kernel(got + late == put + 1 && in_order == got + late,
               "row 25: none is lost or out of order => %s (%u, %u of %u)",
               got + late == put + 1 && in_order == got + late ? "yes" : "no",
               got + late, in_order, put + 1);
    code = ipmi_dev_do(b, 0x06, 0x04, NULL, 0, NULL, NULL);
    tap_kernel(code == 0, "row 25: B gets an answer then => %d", code);
    ipmi_dev_unregister(a, X_NETFN, X_CMD, 1 << 0);
}

/* Row 29: no driver: what comes in waits in the BMC, and nobody answers it */
static void no_driver(void)
{
    IpmiInterfaces interfaces, left;
    uint8_t bytes[64];
    bool gone;
    unsigned ch;
    int n;

    ipmi_dev_unbind(&interfaces);
    gone = !ipmi_dev_interfaces(&left);
    tap_kernel(gone, "row 29: the driver is gone => %s", gone ? "yes" : "no");
    for (ch = 0; ch <= 2; ch++) {
        tap_ok(inject(ch) >= 0, "row 29: the BMC takes a command on channel %u",
               ch);
        usleep(IPMI_DEV_QUIET_MS * 1000);
        n = take_sent(ch, bytes, sizeof(bytes));
        tap_ok(!gone || n < 0, "row 29: the BMC keeps it on channel %u (%s)",
               ch, word_of_answer(ch, bytes, n, -1));
    }
    ipmi_dev_bind(&interfaces);
    close(ipmi_dev_open());
    /* What had waited is fetched before the kernel knows its channels. */
    for (ch = 0; ch <= 2; ch++) {
        expect_silence(ch, "row 29, the driver is back", -1);
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

        if (ch < 3) {
            expect_default(ch, "row 30", seq);
        } else {
            expect_silence(ch, "row 30", seq);
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

    if (!tap_kernel(a >= 0 && b >= 0, "/dev/ipmi0 is there => %s",
                    a >= 0 && b >= 0 ? "yes" : "no")) {
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

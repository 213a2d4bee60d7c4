/*
 * A random guest and random peers of an ipmi-bmc-multi: requests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, appendix G (commands); IPMB v1.0 (format of
 * messages); DCMI v1.5.
 */
#include "qemu/osdep.h"
#include "ipmi-fuzz.h"

#define BMC_ADDRESS     0x20
#define REQUESTER       0x81
#define SEND_MESSAGE    "\x18\x34"
#define TOKEN(a, b)     ((a) << 8 | (b))

/*
 * NetFn, command and data of requests that can be right. Besides bytes in
 * hexadecimal:
 *   ..  any byte             nn  0 to 15             tt  letter
 *   ch  channel number       lc  of a LAN channel    us  user
 *   sn  sensor               id  record ID (2 bytes)
 *   sr, rr, dr  reservation of SEL, SDR repository, device SDRs (2 bytes)
 *   **  up to 32 bytes
 */
static const char *const requests[] = {
    "00 00", "00 01", "00 02 nn", "00 04", "00 04 ..", "00 04 .. nn",
    "00 06 nn", "00 07", "00 08 nn **", "00 08 05 80 .. .. .. ..",
    "00 08 00 nn", "00 08 03 nn", "00 09 nn 00 00", "00 0a 00", "00 0a ..",
    "00 0b ..", "00 0f",

    "04 00 20 00", "04 00 .. nn", "04 01", "04 02 41 04 .. sn .. .. .. ..",
    "04 02 04 .. sn .. .. .. ..", "04 10", "04 20", "04 20 nn",
    "04 21 dr id 00 ff", "04 21 dr id .. ..", "04 22", "04 23 sn ..",
    "04 24 sn ff .. ..", "04 25 sn ff", "04 26 sn .. .. .. .. .. .. ..",
    "04 27 sn", "04 28 sn .. .. .. .. ..", "04 28 sn **", "04 29 sn",
    "04 2a sn 00", "04 2a sn **", "04 2b sn", "04 2d sn", "04 2e sn .. ..",
    "04 2f sn", "04 30 sn 01 ..", "04 30 sn .. **",

    "06 01", "06 02", "06 03", "06 04", "06 06 .. ..", "06 07", "06 08",
    "06 22", "06 22", "06 24 44 nn 00 00 .. nn", "06 24 04 nn nn 3e .. nn",
    "06 24 nn .. .. .. .. ..", "06 25", "06 2e 0f", "06 2e nn", "06 2e ..",
    "06 2f", "06 30 nn", "06 30 ..", "06 31", "06 32 ch nn", "06 32 ch 01",
    "06 33", "06 33", "06 33", "06 35", "06 36", "06 37", "06 38 ch nn",
    "06 40 ch .. ..", "06 40 ch 42 44", "06 40 ch 82 84", "06 41 ch 40",
    "06 41 ch 80", "06 42 ch", "06 43 .. us nn nn", "06 43 .. us nn",
    "06 44 ch us",
    "06 45 us tt tt tt 00 00 00 00 00 00 00 00 00 00 00 00 00",
    "06 45 us .. .. .. .. .. .. .. .. .. .. .. .. .. .. .. ..",
    "06 46 us", "06 47 us 02 .. .. .. .. .. .. .. .. .. .. .. .. .. .. .. ..",
    "06 47 us nn", "06 47 us nn **", "06 4c ch us .. .. .. ..",
    "06 4c ch us 02 00 00 00", "06 4d ch us", "06 4e ch", "06 4f ch 00",
    "06 4f ch nn", "06 54 ch 00 80", "06 54 ch nn ..", "06 57 nn", "06 57 01",
    "06 58 00 nn",
    "06 58 02 00 nn tt tt tt tt tt tt tt tt tt tt tt tt tt tt",
    "06 58 02 00 00 05 tt tt tt tt tt 00 00 00 00 00 00 00 00 00",
    "06 58 nn nn **", "06 59 00 02 00 00", "06 59 00 nn nn 00",

    "0a 10 nn", "0a 11 00 .. nn ..", "0a 11 nn .. 00 nn", "0a 12 00 .. 01 **",
    "0a 12 nn .. nn **", "0a 20", "0a 21", "0a 22", "0a 23 rr id 00 ff",
    "0a 23 rr id nn nn", "0a 23 rr id nn ..", "0a 24 00 00 51 12 02 20 00",
    "0a 24 00 00 51 c0 03 tt tt tt", "0a 24 00 00 51 01 .. **",
    "0a 25 rr 00 00 00 00 00 00 51 c0 03", "0a 25 rr id 05 01 tt tt tt",
    "0a 25 rr id nn 00 **", "0a 25 rr id nn 01 **", "0a 26 rr id",
    "0a 27 rr 43 4c 52 aa", "0a 27 rr 43 4c 52 00", "0a 28",
    "0a 29 .. .. .. ..", "0a 2a", "0a 2b", "0a 2b", "0a 2c nn", "0a 2c 01",
    "0a 40", "0a 41", "0a 42", "0a 43 sr id 00 ff", "0a 43 sr id nn nn",
    "0a 43 sr id nn ..",
    "0a 44 00 00 02 .. .. .. .. 41 00 04 .. sn .. .. .. ..",
    "0a 44 00 00 .. .. .. .. .. .. .. .. .. .. .. .. .. ..",
    "0a 45 sr 00 00 00 00 00 00 02 00 00 00 00 41 00", "0a 45 sr id 09 01 04 "
    "01 sn 01 00 00 00", "0a 45 sr id nn 00 **", "0a 45 sr id nn 01 **",
    "0a 46 sr id", "0a 47 sr 43 4c 52 aa", "0a 47 sr 43 4c 52 00", "0a 48",
    "0a 49 .. .. .. ..", "0a 5c", "0a 5d .. ..", "0a 5d nn 00",

    "0c 01 lc 00 nn", "0c 01 lc 03 .. .. .. ..", "0c 01 lc 04 nn",
    "0c 01 lc 05 .. .. .. .. .. ..", "0c 01 lc 10 **", "0c 01 ch nn **",
    "0c 01 ch .. ..", "0c 02 lc 03 00 00", "0c 02 ch nn 00 00",
    "0c 02 ch .. nn nn", "0c 03 lc nn", "0c 03 ch nn", "0c 04 lc nn",
    "0c 10 02 00 01", "0c 10 02 nn nn", "0c 10 02 nn **", "0c 10 ch nn **",
    "0c 11 02 nn 00 00", "0c 11 ch nn 00 00", "0c 21 lc 01 01",
    "0c 21 lc nn nn", "0c 21 ch nn **",
    "0c 22 lc nn 00 00", "0c 22 ch nn 00 00",

    "2c 01 dc nn", "2c 02 dc 01 00 00", "2c 06 dc nn ..", "2c 06 dc 00 nn",
    "2c 07 dc .. .. nn nn", "2c 08 dc 00 04 tt tt tt tt", "2c 08 dc nn nn **",
    "2c 09 dc nn nn", "2c 09 dc nn ..", "2c 0a dc 00 04 tt tt tt 00",
    "2c 0a dc nn nn **",

    "02 .. **", "08 .. **", "2e .. **", "30 .. **", "3e .. **",
};

/* The machine's, and a few that are none of it */
static const uint8_t channels[] = {
    0, 1, 2, 3, 4, 6, 7, 11, 14, 14, 15, 5, 13,
};

static const uint8_t sensors[] = {
    0x01, 0x02, 0x03, 0x10, 0x11, 0x20, 0x21, 0x22, 0x23, 0x30, 0x31, 0x40,
    0x50, 0x51, 0x60, 0x62, 0x64,
};

static unsigned put_u16(uint8_t *buf, uint16_t val)
{
    buf[0] = val & 0xff;
    buf[1] = val >> 8;
    return 2;
}

static unsigned put_id(Fuzz *f, uint8_t *buf)
{
    static const uint16_t ids[] = { 0, 1, 2, 0xffff };

    return put_u16(buf, fuzz_pick(f, 3) ? ids[fuzz_pick(f, 4)] :
                                          fuzz_pick(f, 80));
}

static unsigned put_bytes(Fuzz *f, uint8_t *buf, unsigned n)
{
    unsigned i;

    for (i = 0; i < n; i++) {
        buf[i] = fuzz_byte(f);
    }
    return n;
}

static unsigned put_token(Fuzz *f, const char *token, uint8_t *buf)
{
    if (g_ascii_isxdigit(token[0]) && g_ascii_isxdigit(token[1])) {
        buf[0] = g_ascii_xdigit_value(token[0]) << 4 |
                 g_ascii_xdigit_value(token[1]);
        return 1;
    }
    switch (TOKEN(token[0], token[1])) {
    case TOKEN('n', 'n'):
        buf[0] = fuzz_pick(f, 16);
        return 1;
    case TOKEN('t', 't'):
        buf[0] = 'a' + fuzz_pick(f, 26);
        return 1;
    case TOKEN('c', 'h'):
        buf[0] = channels[fuzz_pick(f, ARRAY_SIZE(channels))];
        return 1;
    case TOKEN('l', 'c'):
        buf[0] = fuzz_pick(f, 2) ? 1 : 3;
        return 1;
    case TOKEN('u', 's'):
        buf[0] = fuzz_pick(f, 18);
        return 1;
    case TOKEN('s', 'n'):
        buf[0] = fuzz_pick(f, 8) ? sensors[fuzz_pick(f, ARRAY_SIZE(sensors))] :
                                   fuzz_byte(f);
        return 1;
    case TOKEN('i', 'd'):
        return put_id(f, buf);
    case TOKEN('s', 'r'):
        return put_u16(buf, f->reservation[FUZZ_SEL]);
    case TOKEN('r', 'r'):
        return put_u16(buf, f->reservation[FUZZ_SDR]);
    case TOKEN('d', 'r'):
        return put_u16(buf, f->reservation[FUZZ_DEVICE_SDR]);
    case TOKEN('*', '*'):
        return put_bytes(f, buf, fuzz_pick(f, 33));
    default:
        return put_bytes(f, buf, 1);
    }
}

/* NetFn (not shifted), command, data */
static unsigned from_table(Fuzz *f, uint8_t *buf)
{
    const char *t = requests[fuzz_pick(f, ARRAY_SIZE(requests))];
    unsigned n = 0;

    for (; *t; t += t[2] ? 3 : 2) {
        n += put_token(f, t, buf + n);
    }
    return n;
}

/* No shorter than 2, no longer than what a guest could mean */
static unsigned spoil(Fuzz *f, uint8_t *buf, unsigned n)
{
    unsigned more;

    switch (fuzz_pick(f, 6)) {
    case 0:
        return n - fuzz_pick(f, n - 1);
    case 1:
        more = fuzz_pick(f, fuzz_pick(f, 4) ? 8 : QIPMI_MAX - n);
        return n + put_bytes(f, buf + n, more);
    case 2:
        buf[0] = fuzz_byte(f);
        return n;
    case 3:
        buf[0] ^= 1u << fuzz_pick(f, 3);
        return n;
    default:
        buf[1 + fuzz_pick(f, n - 1)] = fuzz_byte(f);
        return n;
    }
}

/*
 * Channel 0 to Bh with a message in its format; sometimes another's
 */
static unsigned send_message(Fuzz *f, uint8_t *buf)
{
    unsigned chan = fuzz_pick(f, 4) ? fuzz_pick(f, 7) : fuzz_pick(f, 16);
    FuzzMedium medium = fuzz_medium(chan);
    uint8_t msg[QIPMI_MAX];
    unsigned n;

    if (medium == FUZZ_NO_CHANNEL || !fuzz_pick(f, 16)) {
        medium = FUZZ_IPMB + fuzz_pick(f, 3);
    }
    n = MIN(fuzz_message(f, medium, true, msg), QIPMI_MAX - 3);
    memcpy(buf, SEND_MESSAGE, 2);
    buf[2] = chan | (fuzz_pick(f, 3) ? 0 : fuzz_pick(f, 4) << 6);
    memcpy(buf + 3, msg, n);
    return n + 3;
}

unsigned fuzz_request(Fuzz *f, uint8_t buf[QIPMI_MAX])
{
    unsigned n;

    if (!fuzz_pick(f, 8)) {
        return send_message(f, buf);
    }
    n = from_table(f, buf);
    buf[0] <<= 2;
    return fuzz_pick(f, 2) ? n : spoil(f, buf, n);
}

static unsigned first_byte(FuzzMedium medium, const uint8_t *buf, unsigned n)
{
    /* IPMB sec 2.11.1: a broadcast has address 00h in front */
    return medium == FUZZ_SESSION || (n > 7 && buf[0] == 0);
}

void fuzz_seal(FuzzMedium medium, uint8_t *buf, unsigned n)
{
    unsigned at = first_byte(medium, buf, n);

    if (medium != FUZZ_OPAQUE && n >= at + 7) {
        buf[at + 2] = qipmi_checksum(buf + at, 2);
        buf[n - 1] = qipmi_checksum(buf + at + 3, n - at - 4);
    }
}

bool fuzz_is_sealed(FuzzMedium medium, const uint8_t *buf, unsigned n)
{
    unsigned at = first_byte(medium, buf, n);

    if (medium == FUZZ_OPAQUE) {
        return n > 0;
    }
    /* Linux counts the session handle of a response in: it is let pass. */
    return n >= at + 7 && !qipmi_checksum(buf + at + 3, n - at - 3) &&
           (!qipmi_checksum(buf + at, 3) ||
            (medium == FUZZ_SESSION && !qipmi_checksum(buf, 4)));
}

static uint8_t any_address(Fuzz *f, bool to_peer)
{
    static const uint8_t peers[] = { 0x82, 0x82, 0x84, 0x20, 0x72, 0x81 };

    if (!fuzz_pick(f, 16)) {
        return fuzz_byte(f);
    }
    return to_peer ? peers[fuzz_pick(f, ARRAY_SIZE(peers))] : BMC_ADDRESS;
}

static unsigned spoil_message(Fuzz *f, uint8_t *buf, unsigned n)
{
    switch (fuzz_pick(f, 16)) {
    case 0:
        buf[fuzz_pick(f, n)] ^= 1u << fuzz_pick(f, 8);  /* checksum */
        return n;
    case 1:
        return 1 + fuzz_pick(f, n);
    default:
        return n;
    }
}

unsigned fuzz_message(Fuzz *f, FuzzMedium medium, bool to_peer,
                      uint8_t buf[QIPMI_MAX])
{
    uint8_t req[QIPMI_MAX];
    unsigned n = 0, len;

    if (medium == FUZZ_OPAQUE) {
        return put_bytes(f, buf, 1 + fuzz_pick(f, fuzz_pick(f, 8) ? 40 :
                                                   FUZZ_MESSAGE));
    }
    /* No Send Message within a Send Message within ... */
    len = to_peer ? from_table(f, req) : fuzz_request(f, req);
    if (to_peer) {
        req[0] <<= 2;
    } else if (!fuzz_pick(f, 4)) {
        req[0] = (req[0] & ~3) | 2;     /* for system software */
    }
    if (!fuzz_pick(f, 6)) {
        req[0] |= 4;                    /* a response */
    }
    len = MIN(len, QIPMI_MAX - 9);
    if (medium == FUZZ_SESSION) {
        buf[n++] = fuzz_pick(f, 8) ? 7 : fuzz_byte(f);
    } else if (!fuzz_pick(f, 32)) {
        buf[n++] = 0;
    }
    buf[n++] = any_address(f, to_peer);
    buf[n++] = req[0];
    buf[n++] = 0;
    buf[n++] = to_peer ? BMC_ADDRESS : REQUESTER;
    buf[n++] = fuzz_pick(f, 64) << 2 | (fuzz_pick(f, 4) ? 0 : fuzz_pick(f, 4));
    memcpy(buf + n, req + 1, len - 1);
    n += len;
    fuzz_seal(medium, buf, n);
    return spoil_message(f, buf, n);
}

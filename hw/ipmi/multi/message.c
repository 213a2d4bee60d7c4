/*
 * IPMI BMC with many channels: what messages of a medium look like
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 13.8 (LAN messages); IPMB v1.0 rev 1.0,
 * sec 2.11.
 */

#include "qemu/osdep.h"
#include "message.h"

/* Bytes around the data, the session handle left out */
#define AROUND      7

/* netFn of a response */
#define RESPONSE    0x04

/* IPMB sec 2.11.1: address of a broadcast */
#define BROADCAST   0x00

uint8_t ipmi_checksum(const uint8_t *p, unsigned n)
{
    uint8_t sum = 0;

    while (n--) {
        sum += *p++;
    }
    return -sum;
}

static unsigned overhead(IPMIFormat format)
{
    switch (format) {
    case IPMI_FORMAT_IPMB:
        return AROUND;
    case IPMI_FORMAT_LAN:
        return AROUND + 1;
    default:
        return 0;
    }
}

bool ipmi_message_fits(IPMIFormat format, unsigned len)
{
    return len <= IPMI_MESSAGE_MAX - overhead(format);
}

unsigned ipmi_message_size(const IPMIMessage *msg)
{
    return msg->broadcast + overhead(msg->format) + msg->len;
}

/* What IPMB and LAN have in common: from the first address on */
static void parse_header(IPMIMessage *msg, const uint8_t *p)
{
    msg->is_response = p[1] & RESPONSE;
    msg->netfn = (p[1] >> 2) & ~1;
    msg->seq = p[4] >> 2;
    msg->cmd = p[5];
    if (msg->is_response) {
        msg->rq_addr = p[0];
        msg->rq_lun = p[1] & 3;
        msg->rs_addr = p[3];
        msg->rs_lun = p[4] & 3;
    } else {
        msg->rs_addr = p[0];
        msg->rs_lun = p[1] & 3;
        msg->rq_addr = p[3];
        msg->rq_lun = p[4] & 3;
    }
}

IPMIParsed ipmi_message_parse(IPMIFormat format, const uint8_t *p, unsigned n,
                              IPMIMessage *msg)
{
    bool ok = true;

    memset(msg, 0, offsetof(IPMIMessage, data));
    msg->format = format;
    if (n > IPMI_MESSAGE_MAX) {
        return IPMI_PARSED_LENGTH;
    }
    if (format == IPMI_FORMAT_RAW) {
        memcpy(msg->data, p, n);
        msg->len = n;
        return n ? IPMI_PARSED : IPMI_PARSED_LENGTH;
    }
    if (format == IPMI_FORMAT_IPMB && n > AROUND && p[0] == BROADCAST) {
        msg->broadcast = true;
        p++;
        n--;
    }
    if (n < overhead(format)) {
        return IPMI_PARSED_LENGTH;
    }
    if (format == IPMI_FORMAT_LAN) {
        msg->handle = *p++;
        n--;
        /* Linux' automatic replies count the handle into the checksum. */
        msg->handle_summed = ipmi_checksum(p, 3) && (p[1] & RESPONSE) &&
                             !ipmi_checksum(p - 1, 4);
    }
    ok = (msg->handle_summed || !ipmi_checksum(p, 3)) &&
         !ipmi_checksum(p + 3, n - 3);
    parse_header(msg, p);
    msg->len = n - AROUND;
    memcpy(msg->data, p + 6, msg->len);
    return ok ? IPMI_PARSED : IPMI_PARSED_CHECKSUM;
}

unsigned ipmi_message_encode(const IPMIMessage *msg, uint8_t *buf)
{
    bool rsp = msg->is_response;
    uint8_t *p = buf;

    assert(ipmi_message_size(msg) <= IPMI_MESSAGE_MAX);
    if (msg->format == IPMI_FORMAT_RAW) {
        memcpy(buf, msg->data, msg->len);
        return msg->len;
    }
    if (msg->broadcast) {
        *p++ = BROADCAST;
    }
    if (msg->format == IPMI_FORMAT_LAN) {
        *p++ = msg->handle;
    }
    p[0] = rsp ? msg->rq_addr : msg->rs_addr;
    p[1] = (msg->netfn | rsp) << 2 | (rsp ? msg->rq_lun : msg->rs_lun);
    p[2] = ipmi_checksum(p, 2) - (msg->handle_summed ? msg->handle : 0);
    p[3] = rsp ? msg->rs_addr : msg->rq_addr;
    p[4] = msg->seq << 2 | (rsp ? msg->rs_lun : msg->rq_lun);
    p[5] = msg->cmd;
    memcpy(p + 6, msg->data, msg->len);
    p[6 + msg->len] = ipmi_checksum(p + 3, 3 + msg->len);
    return ipmi_message_size(msg);
}

void ipmi_message_respond(IPMIMessage *msg, uint8_t cc, const uint8_t *data,
                          unsigned len)
{
    unsigned room = IPMI_MESSAGE_MAX - overhead(msg->format) - 1;

    msg->is_response = true;
    msg->broadcast = false;
    msg->handle_summed = false;
    msg->data[0] = cc;
    len = MIN(len, room);
    if (len) {
        memcpy(msg->data + 1, data, len);
    }
    msg->len = 1 + len;
}

bool ipmi_message_is_sane(const IPMIMessage *msg)
{
    return msg->format <= IPMI_FORMAT_LAN &&
           msg->len <= IPMI_MESSAGE_MAX &&
           ipmi_message_size(msg) <= IPMI_MESSAGE_MAX &&
           !(msg->netfn & 1) && msg->netfn < 64 && msg->seq < 64 &&
           msg->rs_lun < 4 && msg->rq_lun < 4 &&
           (!msg->broadcast || msg->format == IPMI_FORMAT_IPMB);
}

static bool message_is_sane(void *opaque, int version_id)
{
    return ipmi_message_is_sane(opaque);
}

const VMStateDescription vmstate_ipmi_message = {
    .name = "ipmi-message",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(format, IPMIMessage),
        VMSTATE_BOOL(is_response, IPMIMessage),
        VMSTATE_BOOL(broadcast, IPMIMessage),
        VMSTATE_BOOL(handle_summed, IPMIMessage),
        VMSTATE_UINT8(netfn, IPMIMessage),
        VMSTATE_UINT8(rs_lun, IPMIMessage),
        VMSTATE_UINT8(rq_lun, IPMIMessage),
        VMSTATE_UINT8(rs_addr, IPMIMessage),
        VMSTATE_UINT8(rq_addr, IPMIMessage),
        VMSTATE_UINT8(seq, IPMIMessage),
        VMSTATE_UINT8(cmd, IPMIMessage),
        VMSTATE_UINT8(handle, IPMIMessage),
        VMSTATE_UINT32(len, IPMIMessage),
        VMSTATE_VALIDATE("message", message_is_sane),
        VMSTATE_UINT8_ARRAY(data, IPMIMessage, IPMI_MESSAGE_MAX),
        VMSTATE_END_OF_LIST()
    }
};

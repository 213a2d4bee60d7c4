/*
 * A channel of an IPMI BMC: what its messages look like
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 13.8 (LAN messages); IPMB v1.0 rev 1.0,
 * sec 2.11.
 */

#include "qemu/osdep.h"
#include "channel.h"

/* Bytes before, and the least that there are in all */
static bool layout(const IPMIChannel *c, unsigned *handle, unsigned *min)
{
    *handle = ipmi_channel_has_sessions(c) ? 1 : 0;
    *min = *handle + 7;
    return *handle || ipmi_channel_is_ipmb(c);
}

bool ipmi_message_parse(const IPMIChannel *c, const uint8_t *p, unsigned len,
                        IPMIMessage *msg)
{
    unsigned handle, min;
    bool first_ok;

    memset(msg, 0, sizeof(*msg));
    if (!layout(c, &handle, &min)) {
        return false;
    }
    /* IPMB sec 2.11.1: a broadcast has address 00h in front */
    if (!handle && len > min && p[0] == 0) {
        msg->broadcast = true;
        p++;
        len--;
    }
    if (len < min) {
        return false;
    }
    msg->handle = handle ? p[0] : 0;
    /* Linux' automatic replies count the session handle into the checksum. */
    first_ok = !ipmi_checksum(p + handle, 3) ||
               (handle && (p[2] & 0x04) && !ipmi_checksum(p, 4));
    p += handle;
    len -= handle;
    msg->is_response = p[1] & 0x04;
    msg->netfn = (p[1] >> 2) & ~1;
    msg->checksum_ok = first_ok && !ipmi_checksum(p + 3, len - 3);
    msg->seq = p[4] >> 2;
    msg->cmd = p[5];
    msg->data = p + 6;
    msg->len = len - 7;
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
    return true;
}

unsigned ipmi_message_build(const IPMIChannel *c, const IPMIMessage *msg,
                            uint8_t *buf)
{
    bool rsp = msg->is_response;
    unsigned handle, min;
    uint8_t *p;

    if (!layout(c, &handle, &min) || min + msg->len > IPMI_QUEUE_MESSAGE) {
        return 0;
    }
    if (handle) {
        buf[0] = msg->handle;
    }
    p = buf + handle;
    p[0] = rsp ? msg->rq_addr : msg->rs_addr;
    p[1] = (msg->netfn | rsp) << 2 | (rsp ? msg->rq_lun : msg->rs_lun);
    p[2] = ipmi_checksum(p, 2);
    p[3] = rsp ? msg->rs_addr : msg->rq_addr;
    p[4] = msg->seq << 2 | (rsp ? msg->rs_lun : msg->rq_lun);
    p[5] = msg->cmd;
    memcpy(p + 6, msg->data, msg->len);
    p[6 + msg->len] = ipmi_checksum(p + 3, 3 + msg->len);
    return min + msg->len;
}

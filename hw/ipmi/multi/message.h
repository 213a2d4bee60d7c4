/*
 * IPMI BMC with many channels: what messages of a medium look like
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 13.8 (LAN messages); IPMB v1.0 rev 1.0, sec 2.11.
 *
 * Owns: nothing; pure functions. A message is parsed once, where it comes from
 * a medium or out of Send Message, and travels parsed; it is encoded where it
 * leaves. Both ways nothing is lost: what was parsed, and not changed, is
 * encoded as the same bytes.
 */

#ifndef IPMI_MULTI_MESSAGE_H
#define IPMI_MULTI_MESSAGE_H

#include "migration/vmstate.h"

/* Bytes of a message on its medium, and the most of them around its data */
#define IPMI_MESSAGE_MAX        272
#define IPMI_MESSAGE_OVERHEAD   16

typedef enum IPMIFormat {
    IPMI_FORMAT_RAW,            /* any bytes: the BMC does not look at them */
    IPMI_FORMAT_IPMB,
    IPMI_FORMAT_LAN,            /* a session handle, then as on an IPMB */
} IPMIFormat;

typedef struct IPMIMessage {
    IPMIFormat format;
    /* these are 0 if the format is raw */
    bool is_response;
    bool broadcast;             /* IPMB: 00h in front (sec 2.11.1) */
    bool handle_summed;         /* LAN: the first checksum counts it */
    uint8_t netfn;              /* even */
    uint8_t rs_lun, rq_lun;
    uint8_t rs_addr, rq_addr;   /* slave address, or software ID */
    uint8_t seq;                /* 0 to 63 */
    uint8_t cmd;
    uint8_t handle;             /* of the session; LAN */
    /* after cmd; of a response, with the completion code; raw: all of it */
    uint32_t len;
    uint8_t data[IPMI_MESSAGE_MAX];
} IPMIMessage;

typedef enum IPMIParsed {
    IPMI_PARSED,
    IPMI_PARSED_CHECKSUM,       /* the same, but a checksum is wrong */
    IPMI_PARSED_LENGTH,         /* too short for the format, or too long */
} IPMIParsed;

/*
 * ipmi_message_parse: @n bytes as they are on the medium:
 *   IPMB  rsSA, netFn/rsLUN, checksum, rqSA, seq/rqLUN, cmd, data, checksum
 *   LAN   session handle, rsSWID, netFn/rsLUN, checksum, rqSWID, seq/rqLUN,
 *         cmd, data, checksum
 * Of a response, rs and rq change places, as the specification's do.
 */
IPMIParsed ipmi_message_parse(IPMIFormat format, const uint8_t *bytes,
                              unsigned n, IPMIMessage *msg);

/*
 * ipmi_message_encode: the other way. @buf: IPMI_MESSAGE_MAX bytes.
 * Returns how many. The data has to fit.
 * ipmi_message_size: how many bytes it would be.
 * ipmi_message_fits: do @len bytes of data fit a message of that format?
 */
unsigned ipmi_message_encode(const IPMIMessage *msg, uint8_t *buf);
unsigned ipmi_message_size(const IPMIMessage *msg);
bool ipmi_message_fits(IPMIFormat format, unsigned len);

/*
 * ipmi_message_respond: turn a request into the response to it, with a
 * completion code and @len bytes of @data, as far as they fit.
 */
void ipmi_message_respond(IPMIMessage *msg, uint8_t cc, const uint8_t *data,
                          unsigned len);

/*
 * ipmi_checksum: such that the sum of all @n bytes and it is 0 modulo 256.
 */
uint8_t ipmi_checksum(const uint8_t *p, unsigned n);

/*
 * ipmi_message_is_sane: can it be encoded? For what came out of a snapshot.
 */
bool ipmi_message_is_sane(const IPMIMessage *msg);

extern const VMStateDescription vmstate_ipmi_message;

#endif

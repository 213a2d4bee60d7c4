/*
 * A channel of an IPMI BMC
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 6 (channels), 13.8 (LAN messages),
 * IPMB v1.0 (IPMB messages).
 *
 * A channel owns its medium: what leaves for it goes to whoever listens there
 * (satellite controllers, the chardev, and a log that QMP reads), what comes
 * from there goes to the BMC's handlers or to the receive message queue.
 */

#ifndef IPMI_MULTI_CHANNEL_H
#define IPMI_MULTI_CHANNEL_H

#include "chardev/char-fe.h"
#include "bmc.h"

/* sec 6.5, table 6-3: medium types */
#define IPMI_MEDIUM_TYPE_IPMB        0x01
#define IPMI_MEDIUM_TYPE_LAN         0x04
#define IPMI_MEDIUM_TYPE_SERIAL      0x05
#define IPMI_MEDIUM_TYPE_OTHER_LAN   0x06
#define IPMI_MEDIUM_TYPE_SYSTEM      0x0c
#define IPMI_MEDIUM_TYPE_OEM         0x60

/* sec 6.4, table 6-2: protocol types */
#define IPMI_PROTOCOL_IPMB      0x01
#define IPMI_PROTOCOL_ICMB      0x02
#define IPMI_PROTOCOL_SMBUS     0x04
#define IPMI_PROTOCOL_KCS       0x05
#define IPMI_PROTOCOL_BT15      0x08
#define IPMI_PROTOCOL_OEM       0x1c

/* sec 22.7: completion codes of Send Message */
#define IPMI_CC_SEND_INVALID_HANDLE     0x80
#define IPMI_CC_SEND_NAK                0x83

/* Most bytes that a message has around its data */
#define IPMI_MESSAGE_OVERHEAD   16

/* Messages that query-ipmi-sent can still read */
#define IPMI_SENT_DEPTH         64

typedef struct IPMISent {
    int64_t time_ns;
    uint8_t from;
    uint16_t len;
    uint8_t data[IPMI_QUEUE_MESSAGE];
} IPMISent;

/* sec 22.22: what Set Channel Access sets, volatile and non-volatile */
typedef struct IPMIChannelAccess {
    uint8_t access;             /* [2:0] mode, [5:3] what is disabled */
    uint8_t limit;              /* privilege level */
} IPMIChannelAccess;

/*
 * IPMIMessage: a message on a medium, taken apart.
 */
typedef struct IPMIMessage {
    bool is_response;
    uint8_t netfn;              /* even */
    uint8_t rs_lun, rq_lun;
    uint8_t rs_addr, rq_addr;   /* slave address, or software ID */
    uint8_t seq;                /* 0 to 63 */
    uint8_t cmd;
    uint8_t handle;             /* of the session; media with sessions */
    bool broadcast;
    bool checksum_ok;
    const uint8_t *data;        /* after cmd; of a response, with the code */
    unsigned len;
} IPMIMessage;

/*
 * IPMIPassing: a message on its way through a channel
 */
typedef struct IPMIPassing {
    bool out;                   /* to the medium; otherwise from there */
    bool raw;                   /* not in a format that is known */
    uint8_t who;                /* out: from which channel; in: privilege */
    uint16_t len;
    uint8_t data[IPMI_QUEUE_MESSAGE];
} IPMIPassing;

/* One that a fault delays, in virtual milliseconds */
typedef struct IPMILate {
    int64_t due_ms;
    IPMIPassing passing;
} IPMILate;

typedef struct IPMISatellite IPMISatellite;

struct IPMIChannelClass {
    DeviceClass parent_class;
};

struct IPMIChannel {
    DeviceState parent_obj;

    /* properties */
    IPMIBmcMulti *bmc;
    uint8_t number;
    IpmiMedium medium;
    uint8_t protocol;           /* 0: what goes with the medium */
    IpmiSessionSupport sessions;
    uint8_t access_mode;
    uint8_t privilege_limit;
    bool any_address;           /* requests to anybody are taken */
    CharBackend chr;

    bool receive;               /* Enable Message Channel Receive */
    IPMIChannelAccess nv, vol;
    uint64_t handles[4];        /* bit N: session handle N is alive */

    IPMISent sent[IPMI_SENT_DEPTH];
    uint32_t sent_head, sent_n;
    uint64_t n_received, n_sent, n_queued, n_dropped;

    GPtrArray *satellites;      /* of IPMISatellite */
    IPMILate late[IPMI_QUEUE_DEPTH];    /* messages that a fault delays */
    uint32_t late_n;
    QEMUTimer late_timer;
    struct IPMIChardev *chardev;
};

/*
 * IPMISatellite: a management controller on an IPMB. @handle answers a request:
 * returns the completion code, and puts what follows into @rsp.
 */
struct IPMISatellite {
    uint8_t address;
    uint8_t (*handle)(void *opaque, const IPMIMessage *msg, IPMIRsp *rsp);
    void *opaque;
};

/*
 * ipmi_channel_has_sessions: is the medium one whose messages carry a session
 * handle (LAN, serial)? Linux calls those LAN.
 */
bool ipmi_channel_has_sessions(const IPMIChannel *c);

/*
 * ipmi_channel_is_ipmb: messages in IPMB format
 */
bool ipmi_channel_is_ipmb(const IPMIChannel *c);

uint8_t ipmi_channel_medium_type(const IPMIChannel *c);
uint8_t ipmi_channel_protocol(const IPMIChannel *c);

/*
 * ipmi_channel_reset: Cold Reset of the BMC.
 */
void ipmi_channel_reset(IPMIChannel *c);

/*
 * ipmi_channel_end_sessions: no session handle is alive any more.
 */
void ipmi_channel_end_sessions(IPMIChannel *c);

/*
 * ipmi_channels_load: settings that are kept on the BMC's drive.
 */
void ipmi_channels_load(IPMIBmcMulti *s, uint8_t number);

/*
 * ipmi_hex: bytes as hexadecimal digits; to be freed with g_free().
 */
char *ipmi_hex(const uint8_t *p, unsigned n);

/*
 * ipmi_channel_add_satellite: @sat is not copied.
 * Returns false if its address is taken.
 */
bool ipmi_channel_add_satellite(IPMIChannel *c, IPMISatellite *sat);

/*
 * ipmi_channel_send: a message leaves for the medium.
 * @from: channel that it came from
 * @data: as Send Message has it after the channel number
 * Returns the completion code of Send Message.
 */
uint8_t ipmi_channel_send(IPMIChannel *c, uint8_t from, const uint8_t *data,
                          unsigned len);

typedef enum IPMIReceived {
    IPMI_RECEIVED_OK,
    IPMI_RECEIVED_MALFORMED,    /* too short, or a checksum is wrong */
    IPMI_RECEIVED_DISABLED,     /* reception is disabled */
    IPMI_RECEIVED_FULL,         /* the queue is */
    IPMI_RECEIVED_DISCARDED,    /* a LUN that nobody serves, or a fault */
    IPMI_RECEIVED_LATE,         /* a fault delays it */
} IPMIReceived;

/*
 * ipmi_channel_receive: a message comes from the medium, in its format: that of
 * ipmi_message_build().
 * @priv: level that the medium infers; 0 if none
 */
IPMIReceived ipmi_channel_receive(IPMIChannel *c, uint8_t priv,
                                  const uint8_t *data, unsigned len);

/*
 * ipmi_channel_receive_raw: into the queue, as it is.
 */
IPMIReceived ipmi_channel_receive_raw(IPMIChannel *c, uint8_t priv,
                                      const uint8_t *data, unsigned len);

/*
 * ipmi_channel_answer: a response with nothing but completion code @cc to
 * request @req, which came from the medium of @c.
 */
void ipmi_channel_answer(IPMIChannel *c, const IPMIMessage *req, uint8_t cc);

/*
 * ipmi_channel_pass: a message goes where it is going, after faults have had
 * their turn. Returns what became of it; one that leaves is always OK.
 */
IPMIReceived ipmi_channel_pass(IPMIChannel *c, const IPMIPassing *p);

/*
 * ipmi_channel_count: in the statistics, what became of a message
 */
void ipmi_channel_count(IPMIChannel *c, const IPMIPassing *p,
                        IPMIReceived what);

/*
 * ipmi_channel_pass_by_rules: ipmi_channel_pass(), and faults have their turn.
 * @cc: completion code of the Send Message that @p is from, if it is from one;
 *      changed if a fault says so
 */
IPMIReceived ipmi_channel_pass_by_rules(IPMIChannel *c, IPMIPassing *p,
                                        uint8_t *cc);

/*
 * Delayed messages: ipmi_channel_late_init once, ipmi_channel_late_reset to
 * forget them all, ipmi_channel_late_arm after they have been loaded.
 */
void ipmi_channel_late_init(IPMIChannel *c);
void ipmi_channel_late_reset(IPMIChannel *c);
void ipmi_channel_late_arm(IPMIChannel *c);

extern const VMStateDescription vmstate_ipmi_late;

/*
 * ipmi_message_parse: take apart a message of channel @c.
 * Returns false if it is too short.
 */
bool ipmi_message_parse(const IPMIChannel *c, const uint8_t *data, unsigned len,
                        IPMIMessage *msg);

/*
 * ipmi_message_build: the bytes of a message on channel @c:
 *   IPMB          rsSA, netFn/rsLUN, checksum, rqSA, seq/rqLUN, cmd, data,
 *                 checksum
 *   LAN, serial   session handle, rsSWID, netFn/rsLUN, checksum, rqSWID,
 *                 seq/rqLUN, cmd, data, checksum
 * Of a response, rs and rq change places, as the specification's do.
 * @buf: IPMI_QUEUE_MESSAGE bytes
 * Returns how many, 0 if it is too long.
 */
unsigned ipmi_message_build(const IPMIChannel *c, const IPMIMessage *msg,
                            uint8_t *buf);

/*
 * ipmi_channel_chardev_init, _exit, _send: the peer behind chardev=, see
 * docs/specs/ipmi-bmc-multi.rst for the framing.
 */
void ipmi_channel_chardev_init(IPMIChannel *c);
void ipmi_channel_chardev_exit(IPMIChannel *c);
bool ipmi_channel_chardev_is_open(IPMIChannel *c);
void ipmi_channel_chardev_send(IPMIChannel *c, uint8_t from,
                               const uint8_t *data, unsigned len);

#endif

/*
 * IPMI BMC with many channels: a channel
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 6 (channels), 13.8 (LAN messages), IPMB v1.0.
 *
 * Owns: a medium: what leaves for it goes to whoever listens there (satellite
 * controllers, the chardev, and a log that QMP reads); what comes from there
 * goes through the filter to the bridge. What commands need to know of it is in
 * the BMC's directory (chans.h). Called by satellites, the chardev and QMP.
 *
 * Life: a device, which is plugged in after its BMC, and never hot.
 */

#ifndef IPMI_MULTI_CHANNEL_H
#define IPMI_MULTI_CHANNEL_H

#include "chardev/char-fe.h"
#include "filter.h"
#include "hw/qdev-core.h"

OBJECT_DECLARE_TYPE(IPMIChannel, IPMIChannelClass, IPMI_CHANNEL)

/* Messages that query-ipmi-sent can still read */
#define IPMI_SENT_DEPTH         64

typedef struct IPMISent {
    int64_t time_ns;            /* of the virtual clock */
    uint8_t from;               /* channel */
    uint16_t len;
    uint8_t data[IPMI_MESSAGE_MAX];
} IPMISent;

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

    IPMIBridgeEnd end;
    IPMIFilter filter;
    IPMISent sent[IPMI_SENT_DEPTH];
    uint32_t sent_head, sent_n;
    GPtrArray *satellites;      /* of IPMISatellite */
    struct IPMIChardev *chardev;
};

/*
 * IPMISatellite: a management controller on an IPMB. @handle answers a request:
 * returns the completion code, and puts what follows into @rsp.
 */
typedef struct IPMISatellite {
    uint8_t address;
    uint8_t (*handle)(void *opaque, const IPMIMessage *msg, IPMIRsp *rsp);
    void *opaque;
} IPMISatellite;

/*
 * ipmi_channel_format: of the messages on its medium.
 * ipmi_channel_chan: its entry in the BMC's directory.
 */
IPMIFormat ipmi_channel_format(const IPMIChannel *c);
IPMIChan *ipmi_channel_chan(const IPMIChannel *c);

/*
 * ipmi_channel_add_satellite: @sat is not copied.
 * Returns false if its address is taken.
 */
bool ipmi_channel_add_satellite(IPMIChannel *c, IPMISatellite *sat);

/*
 * ipmi_channel_receive: a message comes from the medium, in its format or raw.
 * ipmi_channel_receive_bytes: the same, as bytes.
 * ipmi_channel_malformed: something of @len bytes came that is no message.
 * @priv: level that the medium infers; 0 if none
 */
IPMIReceived ipmi_channel_receive(IPMIChannel *c, uint8_t priv,
                                  const IPMIMessage *msg);
IPMIReceived ipmi_channel_receive_bytes(IPMIChannel *c, uint8_t priv,
                                        const uint8_t *data, unsigned len);
IPMIReceived ipmi_channel_malformed(IPMIChannel *c, unsigned len);

#endif

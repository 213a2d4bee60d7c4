/*
 * IPMI BMC with many channels: messages between channels
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 6.12, 6.13, 22.7.
 *
 * Owns: where a message goes that came by a channel, and the requests whose
 * responses it routes back. A channel plugs itself in with an IPMIBridgeEnd,
 * by which the bridge sends; it calls ipmi_bridge_take() for what comes.
 *
 * Life: ipmi_bridge_new(); ipmi_bridge_reset() with each Cold Reset;
 * ipmi_bridge_free().
 */

#ifndef IPMI_MULTI_BRIDGE_H
#define IPMI_MULTI_BRIDGE_H

#include "bmc.h"
#include "message.h"
#include "qemu/timer.h"

/* sec 22.7: completion codes of Send Message */
#define IPMI_CC_SEND_INVALID_HANDLE     0x80
#define IPMI_CC_SEND_NAK                0x83

/*
 * IPMIBridgeEnd: a channel, as the bridge sees it.
 *
 * send: a message leaves, from channel @from; faults have their turn. Returns
 * the completion code of Send Message.
 * put: onto the medium as it is.
 * reset: a Cold Reset.
 */
typedef struct IPMIBridgeEnd {
    IPMIFormat format;
    uint8_t (*send)(void *opaque, uint8_t from, const IPMIMessage *msg);
    void (*put)(void *opaque, uint8_t from, const IPMIMessage *msg);
    void (*reset)(void *opaque);
    void *opaque;
} IPMIBridgeEnd;

/* What became of a message that came by a channel */
typedef enum IPMIReceived {
    IPMI_RECEIVED_QUEUED,       /* it waits for system software */
    IPMI_RECEIVED_OK,           /* the BMC has dealt with it */
    IPMI_RECEIVED_MALFORMED,    /* too short, or a checksum is wrong */
    IPMI_RECEIVED_DISABLED,     /* reception is disabled */
    IPMI_RECEIVED_FULL,         /* the queue is */
    IPMI_RECEIVED_DISCARDED,    /* a LUN that nobody serves, or a fault */
    IPMI_RECEIVED_LATE,         /* a fault delays it */
} IPMIReceived;

IPMIBridge *ipmi_bridge_new(IPMIBmcMulti *s);
void ipmi_bridge_free(IPMIBridge *b);
void ipmi_bridge_reset(IPMIBridge *b);

/*
 * ipmi_bridge_plug: @number: 0 to 11; @end lives until ipmi_bridge_unplug().
 */
void ipmi_bridge_plug(IPMIBridge *b, uint8_t number, const IPMIBridgeEnd *end);
void ipmi_bridge_unplug(IPMIBridge *b, uint8_t number);

/*
 * ipmi_bridge_take: a message has come by channel @number.
 * @priv: level that it has; 0: none
 */
IPMIReceived ipmi_bridge_take(IPMIBridge *b, uint8_t number, uint8_t priv,
                              const IPMIMessage *msg);

/*
 * ipmi_bridge_send: Send Message to a channel that is no system interface.
 * @data: message behind the channel byte; @tracking: its bits 7 and 6.
 * Returns the completion code.
 */
uint8_t ipmi_bridge_send(IPMIBridge *b, const IPMIReq *req, uint8_t number,
                         uint8_t tracking, const uint8_t *data, unsigned len);

/*
 * ipmi_bridge_to_system: Send Message to system software from a channel.
 */
uint8_t ipmi_bridge_to_system(IPMIBridge *b, const IPMIReq *req,
                              const uint8_t *data, unsigned len);

/* cmd-message.c: commands of sec 22.1 to 22.8 */
extern const IPMICommandTable ipmi_cmds_message;

extern const VMStateDescription vmstate_ipmi_bridge;

#endif

/*
 * IPMI BMC with many channels
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1. Where a comment cites a section without
 * naming a document, it is of this one.
 *
 * How it hangs together:
 *
 *   pci-ipmi-kcs, -bt --> IPMIBmcPort ---+               (system interfaces)
 *                                        v
 *   medium's peer <--> ipmi-channel --> dispatcher --> IPMICommand tables
 *                          ^              |                 |
 *                          +-- bridging --+---> receive message queue
 *
 * All numbers of more than one byte are little endian on the wire. All times
 * are of QEMU_CLOCK_VIRTUAL. Everything runs under the BQL.
 */

#ifndef IPMI_MULTI_BMC_H
#define IPMI_MULTI_BMC_H

#include "hw/ipmi/ipmi.h"
#include "numbers.h"
#include "stores.h"
#include "hw/qdev-core.h"
#include "qapi/qapi-types-ipmi-bmc-multi.h"
#include "qemu/timer.h"
#include "qemu/uuid.h"
#include "qom/object.h"

OBJECT_DECLARE_SIMPLE_TYPE(IPMIBmcMulti, IPMI_BMC_MULTI)

OBJECT_DECLARE_TYPE(IPMIChannel, IPMIChannelClass, IPMI_CHANNEL)

typedef struct IPMIBmcPort IPMIBmcPort;
typedef struct IPMIBmcFaults IPMIBmcFaults;

/* Data of a request or response: bytes after command, or completion code */
#define IPMI_MULTI_MAX_DATA         296     /* of MAX_IPMI_MSG_SIZE */

/*
 * IPMIReq: a request, whatever way it came.
 */
typedef struct IPMIReq {
    uint8_t netfn;              /* even */
    uint8_t lun;
    uint8_t cmd;
    uint8_t chan;               /* real number of the channel that it came by */
    uint8_t priv;               /* IPMI_MULTI_PRIV_*; ADMIN on the system i/f */
    uint8_t src_addr;           /* requester: slave address or SWID; 0 on the */
    uint8_t src_lun;            /*   system interface */
    uint8_t src_seq;            /* its sequence number */
    uint8_t src_handle;         /* its session */
    IPMIBmcPort *port;          /* system interface, or NULL */
    const uint8_t *data;        /* after the command byte */
    unsigned len;               /* bytes of it */
} IPMIReq;

/*
 * IPMIRsp: what a handler answers, besides the completion code.
 */
typedef struct IPMIRsp {
    uint8_t data[IPMI_MULTI_MAX_DATA];
    unsigned len;
    unsigned max;               /* what the interface can carry */
    bool overflow;              /* more was put than fits */
    bool none;                  /* there is no response at all */
} IPMIRsp;

/* Bytes that still fit. */
static inline unsigned ipmi_rsp_room(const IPMIRsp *rsp)
{
    return rsp->max - rsp->len;
}

/*
 * ipmi_rsp_bytes and relatives: append to a response, little endian. What does
 * not fit makes the dispatcher answer CAh instead (sec 5.2).
 */
void ipmi_rsp_bytes(IPMIRsp *rsp, const void *p, unsigned n);
void ipmi_rsp_u8(IPMIRsp *rsp, uint8_t val);
void ipmi_rsp_u16(IPMIRsp *rsp, uint16_t val);
void ipmi_rsp_u24(IPMIRsp *rsp, uint32_t val);
void ipmi_rsp_u32(IPMIRsp *rsp, uint32_t val);

/*
 * IPMIHandler: carry out a request whose length, reserved bits and privilege
 * are right. It decodes and checks all, and then acts.
 * Returns the completion code; @rsp counts only if that is 00h.
 */
typedef uint8_t IPMIHandler(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp);

/* Flags of a command */
#define IPMI_CMD_SYS_ONLY   0x01    /* on the system interface only: D4h */

#define IPMI_CMD_RESERVED   4

typedef struct IPMICommand {
    uint8_t cmd;
    const char *name;           /* of the specification */
    uint16_t min, max;          /* bytes of data */
    uint8_t priv;               /* least level on a channel with sessions */
    uint8_t flags;
    IPMIHandler *handler;
    struct {
        uint8_t byte;           /* of the data */
        uint8_t mask;           /* bits that must be 0, if the byte is there */
    } reserved[IPMI_CMD_RESERVED];  /* entries with mask 0 are not used */
} IPMICommand;

/*
 * IPMICommandTable: the commands of a network function. Several tables may be
 * for the same one.
 */
typedef struct IPMICommandTable {
    uint8_t netfn;
    const IPMICommand *commands;
    unsigned n;
} IPMICommandTable;

#define IPMI_COMMAND_TABLE(_netfn, _commands) \
    { .netfn = (_netfn), .commands = (_commands), .n = ARRAY_SIZE(_commands) }

/* Of the core; those of the stores are in stores.h. */
extern const IPMICommandTable ipmi_cmds_app;        /* device, flags, reset */
extern const IPMICommandTable ipmi_cmds_channel;
extern const IPMICommandTable ipmi_cmds_users;
extern const IPMICommandTable ipmi_cmds_bridge;     /* messages */

/*
 * Message flags (sec 22.4) and global enables (sec 22.1)
 */
#define IPMI_FLAG_RECEIVE       0x01
#define IPMI_FLAG_EVENT_BUFFER  0x02
#define IPMI_FLAG_PRE_TIMEOUT   0x08
#define IPMI_FLAG_OEM           0xe0

#define IPMI_ENABLE_RECEIVE_IRQ 0x01
#define IPMI_ENABLE_EVENT_IRQ   0x02
#define IPMI_ENABLE_EVENT_BUFFER 0x04
#define IPMI_ENABLE_SEL         0x08
#define IPMI_ENABLE_OEM         0xe0

/*
 * Receive message queue (sec 22.6): messages for system software.
 */
#define IPMI_QUEUE_DEPTH        64
#define IPMI_QUEUE_MESSAGE      272     /* longest, after the channel byte */

typedef struct IPMIQueueEntry {
    uint8_t chan;
    uint8_t priv;
    uint16_t len;
    uint8_t data[IPMI_QUEUE_MESSAGE];
} IPMIQueueEntry;

typedef struct IPMIQueue {
    IPMIQueueEntry entry[IPMI_QUEUE_DEPTH];
    uint32_t head, n;           /* oldest; how many */
} IPMIQueue;

/*
 * Users (sec 22.26 to 22.30)
 */
#define IPMI_USERS              16
#define IPMI_USER_NAME          16
#define IPMI_USER_PASSWORD      20

typedef struct IPMIUser {
    uint8_t name[IPMI_USER_NAME];       /* padded with 00h */
    uint8_t password[IPMI_USER_PASSWORD];
    bool password20;            /* stored as one of 20 bytes */
    bool enabled;
    uint8_t access[IPMI_MULTI_CHAN_NUMBERS];    /* [6:4] and limit [3:0] */
    uint8_t session_limit[IPMI_MULTI_CHAN_NUMBERS];
    uint8_t payload_access[IPMI_MULTI_CHAN_NUMBERS][4];
} IPMIUser;

/*
 * Requests that the BMC has forwarded for a session, and whose responses it
 * routes back (Send Message, tracking 01b).
 */
#define IPMI_TRACKED            64      /* a sequence number each */
#define IPMI_TRACKED_LIFE_MS    5000

typedef struct IPMITracked {
    bool used;
    int64_t deadline_ms;
    uint8_t target;             /* channel that the request went to */
    uint8_t origin;             /* channel that it came from */
    uint8_t netfn, cmd;
    uint8_t addr, lun, seq, handle;     /* who asked: of its Send Message */
} IPMITracked;

/*
 * IPMIBmcPort: a system interface that uses the BMC; the BMC as this one sees
 * it (an IPMIBmc of its own, see port.c).
 */
#define TYPE_IPMI_BMC_PORT "ipmi-bmc-multi-port"
OBJECT_DECLARE_SIMPLE_TYPE(IPMIBmcPort, IPMI_BMC_PORT)

#define IPMI_PORTS              2

struct IPMIBmcPort {
    IPMIBmc parent_obj;

    IPMIBmcMulti *bmc;
    uint8_t chan;               /* Fh; a second interface: property */
    bool is_bt;
    unsigned max_rsp;           /* data bytes after the completion code */

    /* a request whose answer is late */
    bool busy;
    uint8_t msg_id;
    uint8_t pending[MAX_IPMI_MSG_SIZE];
    uint32_t pending_len;
    QEMUTimer delay;
    bool atn, irq;              /* as last told to the interface */
    uint32_t storm_left;        /* attentions for nothing that are to come */
    uint32_t storm_ms;
    QEMUTimer storm;

    uint64_t requests;          /* for query-ipmi-bmcs */
};

struct IPMIBmcMulti {
    IPMIBmc parent_obj;

    /* properties */
    uint8_t device_id;
    uint8_t device_rev;
    uint8_t fwrev1, fwrev2;
    uint8_t ipmi_version;       /* 02h: 2.0; 51h: 1.5 */
    uint8_t support;            /* Additional Device Support */
    uint32_t mfg_id;
    uint16_t product_id;
    uint32_t aux_fwrev;         /* 0: left out */
    char *guid_str;
    uint8_t port2_channel;      /* number of a second system interface */

    QemuUUID guid;
    IPMIBmcPort *ports[IPMI_PORTS];     /* NULL where there is none */
    IPMIChannel *channels[IPMI_MULTI_CHANNELS];

    uint32_t resets;            /* cold ones; to see whether one was made */
    uint8_t enables;
    uint8_t flags;              /* without RECEIVE, which the queue says */
    uint8_t acpi_sys, acpi_dev;
    bool event_valid;
    uint8_t event[16];          /* event message buffer */
    IPMIQueue queue;
    IPMITracked tracked[IPMI_TRACKED];
    QEMUTimer tracked_timer;
    struct IPMIHeld *held;      /* while a request of a channel is handled */
    unsigned events;            /* that went to QMP, less what time forgives */
    int64_t events_ms;          /* when it last did */
    struct {
        uint8_t access, limit;  /* limit 0: none */
    } stored_access[IPMI_MULTI_CHANNELS];       /* as the drive has them */
    IPMIUser users[IPMI_USERS]; /* [0] is not used; number 1 is the null name */

    char *name;                 /* ID or QOM path */
    unsigned index;             /* the how manieth BMC it is, from 0 */
    IPMIBmcStores stores;       /* SEL, SDR, FRU, sensors, chassis ... */
    IPMIBmcFaults *faults;
    bool repeating;             /* a fault does, as long as a call lasts */
    Object *reset;              /* what the machine's reset calls */
};

/*
 * ipmi_dispatch: check and carry out a request. @rsp is initialised, except for
 * max, by this function; returns the completion code.
 */
uint8_t ipmi_dispatch(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp);

/*
 * ipmi_find_command: NULL if there is none.
 */
const IPMICommand *ipmi_find_command(uint8_t netfn, uint8_t cmd);

/*
 * ipmi_checksum: such that the sum of all @n bytes and it is 0 modulo 256
 * (sec 13.8).
 */
uint8_t ipmi_checksum(const uint8_t *p, unsigned n);

/*
 * ipmi_flags: all message flags as Get Message Flags reports them.
 * ipmi_flags_raise, ipmi_flags_clear: IPMI_FLAG_PRE_TIMEOUT and OEM ones; the
 * attention of every system interface follows.
 * ipmi_attention_update: to be called after any change of what attention
 * depends on.
 */
uint8_t ipmi_flags(IPMIBmcMulti *s);
void ipmi_flags_raise(IPMIBmcMulti *s, uint8_t flags);
void ipmi_flags_clear(IPMIBmcMulti *s, uint8_t flags);
void ipmi_attention_update(IPMIBmcMulti *s);

/*
 * ipmi_event_buffer_put: an event for system software (sec 22.8). Nothing
 * happens if the buffer is full or not enabled.
 * @rec: 16 bytes, as in the SEL
 */
void ipmi_event_buffer_put(IPMIBmcMulti *s, const uint8_t rec[16]);

/*
 * ipmi_enable_sel_logging: does software want events in the SEL (global enable
 * bit 3)?
 */
bool ipmi_enable_sel_logging(IPMIBmcMulti *s);

/*
 * ipmi_queue_put: a message for system software, from channel @chan. @priv: 0
 * if the medium knows no privilege.
 * Returns false, and counts that at the channel, if the queue is full.
 */
bool ipmi_queue_put(IPMIBmcMulti *s, uint8_t chan, uint8_t priv,
                    const uint8_t *data, unsigned len);

/*
 * ipmi_channel: number as in a request, Eh included; NULL if there is no such
 * channel object. The system interfaces have none.
 * ipmi_channel_exists: is it one of ours, or a system interface?
 */
IPMIChannel *ipmi_channel(IPMIBmcMulti *s, const IPMIReq *req, uint8_t number);
uint8_t ipmi_channel_resolve(const IPMIReq *req, uint8_t number);
bool ipmi_channel_is_system(IPMIBmcMulti *s, uint8_t number);

/*
 * ipmi_channel_medium: medium type (sec 6.5) of a resolved number: 0Ch of a
 * system interface, 0 if there is no such channel.
 */
uint8_t ipmi_channel_medium(IPMIBmcMulti *s, uint8_t number);

/*
 * ipmi_bmc_name: ID, or QOM path; lives as long as the BMC.
 */
const char *ipmi_bmc_name(IPMIBmcMulti *s);

/*
 * ipmi_event_allowed: may an event that the guest causes go to QMP? QEMU keeps
 * what a client does not read, without a limit, so there is one here:
 * IPMI_EVENTS in a row, IPMI_EVENTS_RATE a second.
 */
#define IPMI_EVENTS         1000
#define IPMI_EVENTS_RATE    100
bool ipmi_event_allowed(IPMIBmcMulti *s);

/*
 * ipmi_ports_attach_init: let system interfaces find their BMC. Once.
 */
void ipmi_ports_attach_init(void);

/*
 * ipmi_port_update: tell the interface what attention it has to show.
 */
void ipmi_port_update(IPMIBmcPort *port, bool atn, bool irq);

/*
 * ipmi_port_enable_irq: may the interface interrupt at all?
 * ipmi_irqs_enabled: what global enables say about that.
 * ipmi_interrupts_update: to be called when they have changed.
 */
void ipmi_port_enable_irq(IPMIBmcPort *port, bool enable);
bool ipmi_irqs_enabled(IPMIBmcMulti *s);
void ipmi_interrupts_update(IPMIBmcMulti *s);

/*
 * ipmi_port_reset: the machine was reset: nothing is under way any more, in the
 * interface itself neither.
 */
void ipmi_port_reset(IPMIBmcPort *port);

/*
 * ipmi_bmc_reset: the BMC resets itself (sec 20.2, 20.3); what it stores stays.
 */
void ipmi_bmc_reset(IPMIBmcMulti *s, bool cold);

/*
 * ipmi_users_init: users of a BMC as it comes from its maker.
 */
void ipmi_users_init(IPMIBmcMulti *s);

extern const VMStateDescription vmstate_ipmi_user;

#endif

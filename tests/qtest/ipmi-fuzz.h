/*
 * A random guest and random peers of an ipmi-bmc-multi: what the parts share
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef RIG_IPMI_FUZZ_H
#define RIG_IPMI_FUZZ_H

#include "libqos/ipmi-port.h"
#include "libqos/pcie-fabric-vmstate.h"

#define FUZZ_PORTS      2
#define FUZZ_PEERS      5
#define FUZZ_MESSAGE    272     /* longest on a channel */
#define FUZZ_WAIT_MS    3000    /* what is to come later comes within this */

/* What a channel's messages look like */
typedef enum FuzzMedium {
    FUZZ_NO_CHANNEL,
    FUZZ_IPMB,
    FUZZ_SESSION,               /* a session handle in front */
    FUZZ_OPAQUE,                /* no format that the BMC knows */
} FuzzMedium;

/* What can be reserved */
enum { FUZZ_SEL, FUZZ_SDR, FUZZ_DEVICE_SDR, FUZZ_RESERVATIONS };

/* A program on the chardev of a channel */
typedef struct FuzzPeer {
    unsigned chan;
    int fd;                     /* -1: not connected */
    bool deaf;                  /* does not read what it is sent */
    bool escaped;
    GByteArray *frame;          /* that is coming in */
    GByteArray *last;           /* the last message that came in */
    unsigned frames;            /* that have come in */
} FuzzPeer;

typedef struct Fuzz {
    QTestState *qts;
    GRand *rand;
    uint32_t seed;
    QFabricFiles files;
    char *store;                /* image of the BMC's drive, or NULL */

    QIPMI port[FUZZ_PORTS];     /* KCS, BT */
    bool plugged[FUZZ_PORTS];
    uint8_t device_id[FUZZ_PORTS][16];  /* as it was at the start */
    FuzzPeer peer[FUZZ_PEERS];

    uint16_t reservation[FUZZ_RESERVATIONS];
    bool rules;                 /* fault rules are set */
    bool stuck;                 /* one that lasts for longer than we wait */
    bool saved;                 /* there is a snapshot, */
    bool saved_stuck;           /*   taken when this was so, */
    bool saved_plugged[FUZZ_PORTS];     /*   and this */
} Fuzz;

/* With RIG_FUZZ_LOG set, what is done is told */
void fuzz_log(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

uint32_t fuzz_pick(Fuzz *f, uint32_t n);
uint8_t fuzz_byte(Fuzz *f);
FuzzMedium fuzz_medium(unsigned chan);

/*
 * Requests (ipmi-fuzz-request.c)
 */

/* netFn/LUN, command, data: of a table, and perhaps spoilt. At least 2 bytes */
unsigned fuzz_request(Fuzz *f, uint8_t buf[QIPMI_MAX]);
/* A message for the BMC, or for a peer, in a medium's format */
unsigned fuzz_message(Fuzz *f, FuzzMedium medium, bool to_peer,
                      uint8_t buf[QIPMI_MAX]);
/* Checksums of a message of @n bytes, and whether they are right */
void fuzz_seal(FuzzMedium medium, uint8_t *buf, unsigned n);
bool fuzz_is_sealed(FuzzMedium medium, const uint8_t *buf, unsigned n);

/*
 * The guest (ipmi-fuzz-guest.c)
 */

/* A software that knows its way leads the interface back to idle */
bool fuzz_recover(QIPMI *p);
void fuzz_registers(Fuzz *f);
void fuzz_half_request(Fuzz *f);
/* Requests, answered as sec 9 and 11 say, if no rule forbids it */
void fuzz_exchanges(Fuzz *f);

/*
 * Peers on the channels' chardevs (ipmi-fuzz-peer.c)
 */

char *fuzz_peers_init(Fuzz *f);     /* their options; free them */
void fuzz_peers_close(Fuzz *f);
void fuzz_peer(Fuzz *f);
/* Peer 0 asks for the Device ID */
void fuzz_peer_check(Fuzz *f);

/*
 * Host and machine (ipmi-fuzz-host.c)
 */

void fuzz_inject(Fuzz *f);
void fuzz_rules(Fuzz *f);
void fuzz_no_rules(Fuzz *f);
void fuzz_query(Fuzz *f);
void fuzz_machine_reset(Fuzz *f);
void fuzz_snapshot(Fuzz *f);
void fuzz_hotplug(Fuzz *f);
/* Both interfaces are there, the system runs, and their BARs are set */
void fuzz_machine_ready(Fuzz *f);
/* What QMP shows is within its limits */
void fuzz_check_limits(Fuzz *f);
bool fuzz_is_busy(Fuzz *f, unsigned port);
bool fuzz_is_running(Fuzz *f);

#endif

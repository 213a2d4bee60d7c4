/*
 * What the specification says about the registers of pcie-fabric-* devices
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, chapter 7; sec 6.6 (resets), 6.15 (AtomicOps).
 *
 * Written from the specification and not from the device models: a test that
 * disagrees with a device is settled by reading the section that its row
 * cites.
 */
#ifndef RIG_PCIE_FABRIC_ORACLE_H
#define RIG_PCIE_FABRIC_ORACLE_H

#include "libqos/pcie-fabric.h"

/* A citation */
#define R60(sec)                "PCIe r6.0 sec " sec

#define MEM_WINDOW_BITS         0xfff0  /* sec 7.5.1.3.8, 7.5.1.3.9 */

enum {
    K_RP = 1 << 0,              /* root port */
    K_USP = 1 << 1,             /* switch upstream port */
    K_DSP = 1 << 2,             /* switch downstream port */
    K_EP = 1 << 3,              /* endpoint */
    K_LEP = 1 << 4,             /* legacy endpoint */
    K_RCI = 1 << 5,             /* root complex integrated endpoint */
    K_SLOT = K_RP | K_DSP,      /* ports with a link and a slot below */
    K_PORT = K_SLOT | K_USP,
    K_DEV = K_EP | K_LEP | K_RCI,
    K_UPLINK = K_USP | K_EP | K_LEP,    /* their link leads upstream */
    K_LINK = K_SLOT | K_UPLINK,
    K_ALL = K_PORT | K_DEV,
};

typedef enum OracleSpace {
    S_HDR,                      /* header, off is absolute */
    S_CAP,                      /* capability id, off is relative */
    S_EXT,                      /* extended capability id */
} OracleSpace;

/*
 * One register.  Every bit has one role: rw, w1c, opt, any, avoid; a bit in
 * none of them is read-only and reads as in reset.
 */
typedef struct OracleRow {
    unsigned kinds;
    OracleSpace space;
    uint16_t id;
    uint16_t off;
    uint8_t width;              /* bytes */
    uint32_t reset;             /* after a conventional reset */
    uint32_t rw;                /* must be writable */
    uint32_t w1c;               /* cleared by writing 1, not by writing 0 */
    uint32_t opt;               /* writable, or hardwired to 0 */
    uint32_t any;               /* reset value not judged here */
    uint32_t avoid;             /* a write has effects: tested elsewhere */
    uint32_t quiet;             /* rw, but not for mass programming */
    uint32_t sticky;            /* kept by hot reset and FLR */
    uint32_t flr;               /* kept by FLR, besides the sticky ones */
    uint32_t alt_mask, alt;     /* value for mass programming of a field */
    const char *name;
    const char *why;
} OracleRow;

/* Properties of the function under test, as on the command line */
typedef struct OracleConf {
    bool routing, egress_block;
    bool comp32, comp64, comp128;
    bool acs;
    unsigned speed;             /* 1 .. 6: 2.5 .. 64 GT/s */
    unsigned width;
    unsigned port;              /* port number in LnkCap */
} OracleConf;

typedef enum OracleReset {
    ORACLE_COLD,
    ORACLE_HOT,
    ORACLE_FLR,
} OracleReset;

unsigned oracle_kind(const QFabricFn *fn);
OracleConf oracle_default(unsigned kind);

/*
 * The AtomicOp bits alone (sec 7.5.3.15, 7.5.3.16): a pure function of the
 * port type and the properties.
 */
uint32_t oracle_devcap2_atomic(unsigned kind, const OracleConf *conf);
uint16_t oracle_devctl2_atomic_rw(unsigned kind, const OracleConf *conf);
uint16_t oracle_devctl2_atomic_reset(unsigned kind, const OracleConf *conf,
                                     OracleReset reset);

/* Rows that apply to a function; conditional bits resolved.  Free the array. */
GArray *oracle_rows(QFabricFn *fn, const OracleConf *conf);
unsigned oracle_offset(QFabricFn *fn, const OracleRow *row);

/* Reset values of every row, and a closed look at the bridge windows */
void oracle_check_reset(QFabricFn *fn, const OracleConf *conf);
/* Attributes of every bit of every row, and that nothing else is writable */
void oracle_check_attributes(QFabricFn *fn, const OracleConf *conf);
/* Give every writable bit another value than it has */
void oracle_scramble(QFabricFn *fn, const OracleConf *conf);

/*
 * After a reset: was holds the configuration space in the reset state, set
 * the one right before the reset.
 */
void oracle_check_after(QFabricFn *fn, const OracleConf *conf,
                        OracleReset reset, const uint8_t *was,
                        const uint8_t *set);

/* Configuration space must be the same, but for event bits (Slot Status) */
void oracle_check_same(QFabricFn *fn, const OracleConf *conf,
                       const uint8_t *was, const char *why);

#endif

/*
 * A guest's view of a PCI Express topology, for qtests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 7.2.2 (ECAM), 7.5.1 (headers), 7.7 (MSI).
 *
 * QFabric does to a machine what firmware does: it numbers the buses, sizes
 * and places the BARs, opens the bridge windows and the Command registers.
 * It works on a plain QTestState, so that any test program can use it; the
 * qgraph node "pcie-fabric-root-port" hands one out as "pcie-fabric".
 *
 *     QFabric *fab = qfabric_new(qts);
 *     QFabricFn *ep = qfabric_nth(fab, PCI_EXP_TYPE_ENDPOINT, 0);
 *     qfabric_cap_writew(ep, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2, ...);
 *     qtest_readl(qts, ep->bar[2].addr);
 *
 * Modelled:     buses, 32-bit and 64-bit prefetchable memory, any depth.
 * Not modelled: I/O BARs and windows, option ROMs, resource limits.
 */
#ifndef RIG_LIBQOS_PCIE_FABRIC_H
#define RIG_LIBQOS_PCIE_FABRIC_H

#include "tests/qtest/libqtest.h"
#include "tests/qtest/libqos/qgraph.h"
#include "tests/qtest/libqos/generic-pcihost.h"
#include "hw/pci/pci_regs.h"

/*
 * What QEMU's "virt" machine shows with a 64-bit CPU and highmem=on.
 * The tests pass -cpu max: with a 32-bit CPU the ECAM is elsewhere.
 */
#define QFABRIC_ECAM_BASE       0x4010000000ULL
#define QFABRIC_MEM32_BASE      0x10000000ULL
#define QFABRIC_MEM64_BASE      0x8000000000ULL

/* Guest RAM that neither QEMU nor this library writes: messages, rings */
#define QFABRIC_SCRATCH         0x44000000ULL
#define QFABRIC_SCRATCH_SIZE    0x02000000ULL

/* No default devices: the bus numbers depend on the test alone */
#define QFABRIC_MACHINE "-machine virt,gic-version=3 -cpu max -m 128 " \
                        "-nodefaults "

/* Start a machine that has nothing but these devices; "%" is not special */
QTestState *qfabric_boot(const char *devices);

/* Bits that linux/pci_regs.h does not name */
#define QFABRIC_VENDOR          0x1af4
#define QFABRIC_DEVICE_RP       0x10f0
#define QFABRIC_DEVICE_USP      0x10f1
#define QFABRIC_DEVICE_DSP      0x10f2
#define QFABRIC_DEVICE_EP       0x10f3
#define QFABRIC_TYPE_NONE       (-1)    /* no PCI Express capability */

typedef struct QFabric QFabric;
typedef struct QFabricFn QFabricFn;

typedef struct QFabricBar {
    uint64_t addr;              /* 0: not implemented, or I/O */
    uint64_t size;
    bool is_64;
    bool prefetch;
} QFabricBar;

/* Called for a function as soon as it answers, before any write to it */
typedef void (*QFabricFound)(QFabricFn *fn, void *opaque);

struct QFabric {
    QTestState *qts;
    uint64_t ecam;
    GPtrArray *fns;             /* QFabricFn *, depth first, present ones */
    GPtrArray *gone;            /* handles of functions that went away */
    QFabricFound found;
    void *found_opaque;
    int next_bus;
    uint64_t next_mem32, next_mem64;
};

struct QFabricFn {
    QFabric *fab;
    QFabricFn *parent;          /* bridge above; NULL on a root bus */
    bool present;
    uint8_t bus, devfn;
    bool bridge;
    uint8_t secondary, subordinate;
    uint16_t vendor, device;
    int type;                   /* PCI_EXP_TYPE_*, or QFABRIC_TYPE_NONE */
    uint8_t cap[PCI_CAP_ID_MAX + 1];            /* 0: absent */
    uint16_t ext[PCI_EXT_CAP_ID_MAX + 1];       /* 0: absent */
    QFabricBar bar[PCI_STD_NUM_BARS];
    void *user;                 /* the test's */
    char name[48];              /* "01:00.0 upstream port" */
};

/* Enumerate everything that is present, BARs and windows included */
QFabric *qfabric_new(QTestState *qts);
/* The same, in steps, with a look at each function before it is written */
QFabric *qfabric_new_bare(QTestState *qts);
void qfabric_free(QFabric *fab);

/*
 * Number the buses (below one bridge, or everywhere when below is NULL).
 * Handles of functions that are found again stay valid.  A bridge keeps its
 * bus numbers as long as the topology stays the same.
 */
void qfabric_scan(QFabric *fab, QFabricFn *below);
/* Place BARs, open windows, set Command.MSE and BME; everywhere */
void qfabric_program(QFabric *fab);
/* Both, as after a reset */
void qfabric_enumerate(QFabric *fab);

/* Finding functions: all return NULL when there is none */
QFabricFn *qfabric_at(QFabric *fab, uint8_t bus, uint8_t devfn);
QFabricFn *qfabric_nth(QFabric *fab, int type, unsigned n);
QFabricFn *qfabric_child(QFabricFn *bridge, unsigned n);
bool qfabric_below(const QFabricFn *fn, const QFabricFn *bridge);

/* Configuration space; the offset has 12 bits */
uint64_t qfabric_cfg_addr(const QFabricFn *fn, unsigned off);
uint8_t qfabric_readb(QFabricFn *fn, unsigned off);
uint16_t qfabric_readw(QFabricFn *fn, unsigned off);
uint32_t qfabric_readl(QFabricFn *fn, unsigned off);
void qfabric_writeb(QFabricFn *fn, unsigned off, uint8_t val);
void qfabric_writew(QFabricFn *fn, unsigned off, uint16_t val);
void qfabric_writel(QFabricFn *fn, unsigned off, uint32_t val);
/* width: 1, 2 or 4 bytes */
uint32_t qfabric_read(QFabricFn *fn, unsigned off, unsigned width);
void qfabric_write(QFabricFn *fn, unsigned off, unsigned width, uint32_t val);
/* All 4 KiB in one go */
void qfabric_snapshot(QFabricFn *fn, uint8_t buf[PCI_CFG_SPACE_EXP_SIZE]);

/* Offset of a capability; fails the test when the function has none */
unsigned qfabric_cap(QFabricFn *fn, uint8_t id);
unsigned qfabric_ext(QFabricFn *fn, uint16_t id);

#define QFABRIC_ACCESSORS(sfx, type)                                       \
    static inline type qfabric_cap_read##sfx(QFabricFn *fn, uint8_t id,    \
                                             unsigned off)                 \
    {                                                                      \
        return qfabric_read##sfx(fn, qfabric_cap(fn, id) + off);           \
    }                                                                      \
    static inline void qfabric_cap_write##sfx(QFabricFn *fn, uint8_t id,   \
                                              unsigned off, type val)      \
    {                                                                      \
        qfabric_write##sfx(fn, qfabric_cap(fn, id) + off, val);            \
    }                                                                      \
    static inline type qfabric_ext_read##sfx(QFabricFn *fn, uint16_t id,   \
                                             unsigned off)                 \
    {                                                                      \
        return qfabric_read##sfx(fn, qfabric_ext(fn, id) + off);           \
    }                                                                      \
    static inline void qfabric_ext_write##sfx(QFabricFn *fn, uint16_t id,  \
                                              unsigned off, type val)      \
    {                                                                      \
        qfabric_write##sfx(fn, qfabric_ext(fn, id) + off, val);            \
    }
QFABRIC_ACCESSORS(b, uint8_t)
QFABRIC_ACCESSORS(w, uint16_t)
QFABRIC_ACCESSORS(l, uint32_t)
#undef QFABRIC_ACCESSORS

/*
 * Let 200 ms pass: what sec 6.6.1 asks software to wait, and time for the links
 * of all levels to train.
 */
void qfabric_wait_for_links(QFabric *fab);

/*
 * Compare and report: which function, which register, expected, got.  A
 * mismatch fails the test case but lets it go on, so that one run shows all
 * that is wrong.  Returns whether the values agree.
 */
bool qfabric_expect(QFabricFn *fn, const char *what, uint64_t expected,
                    uint64_t got, const char *why);

/*
 * Resets.  Neither re-enumerates: what a reset clears is for the caller to
 * look at; qfabric_scan() or qfabric_enumerate() bring the functions back.
 * After a secondary bus reset all links below are up again.
 */
void qfabric_secondary_bus_reset(QFabricFn *bridge);
void qfabric_flr(QFabricFn *fn);
void qfabric_cold_reset(QFabric *fab);

/*
 * Messages into guest RAM.  Arm a function's MSI, or one MSI-X vector, with
 * an address in RAM and a datum; the word at the address is cleared.
 * qfabric_msg_take() returns the word and clears it: 0 means no message.
 */
void qfabric_msi_arm(QFabricFn *fn, uint64_t addr, uint16_t data);
void qfabric_msix_arm(QFabricFn *fn, unsigned vector, uint64_t addr,
                      uint32_t data);
uint64_t qfabric_msix_entry(QFabricFn *fn, unsigned vector);
uint32_t qfabric_msg_take(QFabric *fab, uint64_t addr);

/*
 * The qgraph node.  It consumes "pci-bus" of the virt machine and produces
 * "pcie-fabric" (QFabricRootPort *).  A test adds what hangs below with
 * opts.edge.after_cmd_line = "-device ...,bus=" QFABRIC_NODE_ID.  The
 * topology is enumerated when the test function starts.
 */
#define QFABRIC_NODE_ID         "rp0"

typedef struct QFabricRootPort {
    QOSGraphObject obj;
    QFabric *fab;
    QFabricFn *port;
} QFabricRootPort;

#endif

/*
 * PCIe fabric: memory requests and what becomes of them
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 2.2 (TLPs), 2.3 (handling), 6.12
 * (ACS), 6.15 (AtomicOps).
 *
 * pcie_fabric_route() decides, and changes nothing; pcie_fabric_issue() decides
 * and then does: data, completion, error registers and messages, counters.
 */

#ifndef HW_PCI_PCIE_FABRIC_TLP_H
#define HW_PCI_PCIE_FABRIC_TLP_H

#include "hw/pci/pci_device.h"

typedef enum PCIEFabricOp {
    PCIE_FABRIC_OP_READ,
    PCIE_FABRIC_OP_WRITE,
    PCIE_FABRIC_OP_FETCHADD,
    PCIE_FABRIC_OP_SWAP,
    PCIE_FABRIC_OP_CAS,
    PCIE_FABRIC_OP__MAX
} PCIEFabricOp;

/* Values of the AT field (sec 2.2.4.1). */
#define PCIE_FABRIC_AT_UNTRANSLATED 0
#define PCIE_FABRIC_AT_TRANSLATED   2

/* Completion Status (sec 2.2.9.1). */
#define PCIE_FABRIC_CPL_SC  0
#define PCIE_FABRIC_CPL_UR  1
#define PCIE_FABRIC_CPL_CA  4

typedef enum PCIEFabricOutcome {
    PCIE_FABRIC_OUTCOME_NONE,
    PCIE_FABRIC_OUTCOME_DONE,           /* completed, or posted and sent */
    PCIE_FABRIC_OUTCOME_NO_COMPLETION,  /* the requester will time out */
    PCIE_FABRIC_OUTCOME_NOT_ISSUED,
} PCIEFabricOutcome;

/* Why; guest-visible values, docs/specs/pcie-fabric-endpoint.rst. */
typedef enum PCIEFabricReason {
    PCIE_FABRIC_REASON_NONE,
    PCIE_FABRIC_REASON_NO_BME,
    PCIE_FABRIC_REASON_NO_REQ_EN,
    PCIE_FABRIC_REASON_BAD_REQUEST,
    PCIE_FABRIC_REASON_POWER_STATE,
    PCIE_FABRIC_REASON_EGRESS_BLOCKED,
    PCIE_FABRIC_REASON_NO_ROUTING,
    PCIE_FABRIC_REASON_ACS_VIOLATION,
    PCIE_FABRIC_REASON_NO_TARGET,
    PCIE_FABRIC_REASON_LINK_DOWN,
    PCIE_FABRIC_REASON_UNSUPPORTED,
    PCIE_FABRIC_REASON_NOT_ATOMIC,
    PCIE_FABRIC_REASON_MALFORMED,
    PCIE_FABRIC_REASON_POISONED,
    PCIE_FABRIC_REASON_IOMMU_FAULT,
    PCIE_FABRIC_REASON_BAD_LOCAL,
    PCIE_FABRIC_REASON_RULE,
    PCIE_FABRIC_REASON__MAX
} PCIEFabricReason;

/*
 * PCIEFabricTLP: one memory request.
 */
typedef struct PCIEFabricTLP {
    PCIEFabricOp op;
    uint64_t addr;
    uint32_t len;           /* bytes at @addr: payload, or AtomicOp operand */
    uint16_t length_dw;     /* Length field, as sent */
    uint8_t at;             /* PCIE_FABRIC_AT_* */
    bool poisoned;          /* EP */
    bool relaxed;           /* Relaxed Ordering */
    void *buf;              /* read: filled; write: sent; @len bytes */
    uint32_t last;          /* write, other than 0: offset of a dword that
                               becomes visible after the rest */
    uint8_t operand[2][16]; /* little endian; CAS: compare, swap */
    uint8_t original[16];   /* out: value before the AtomicOp */
} PCIEFabricTLP;

/*
 * PCIEFabricVerdict: what becomes of a request.
 */
typedef struct PCIEFabricVerdict {
    PCIEFabricOutcome outcome;
    uint8_t status;         /* PCIE_FABRIC_CPL_*, for OUTCOME_DONE */
    PCIEFabricReason reason;
    PCIDevice *where;       /* who decided; NULL: the root complex itself */
    int64_t delay_ns;       /* the completion comes so much later */
} PCIEFabricVerdict;

/*
 * PCIEFabricCounters: what a port or endpoint did with requests.
 */
typedef struct PCIEFabricCounters {
    uint64_t routed;            /* requests that passed this port */
    uint64_t completed32;       /* AtomicOps completed, by operand size */
    uint64_t completed64;
    uint64_t completed128;
    uint64_t blocked;           /* AtomicOp Egress Blocked */
    uint64_t acs_violations;
    uint64_t unsupported;       /* answered UR, egress blocking excepted */
    uint64_t aborted;           /* answered CA, ACS violations included */
    uint64_t malformed;         /* discarded */
    uint64_t completions_redirected;    /* sent up: ACS */
} PCIEFabricCounters;

/* No more ports than bus numbers can lie on a path. */
#define PCIE_FABRIC_MAX_HOPS 256

/*
 * PCIEFabricPath: the way of a requester's requests to a range of addresses.
 * Nothing in it depends on operation, size or data of a request, except that
 * AtomicOps and others have paths of their own.
 */
typedef struct PCIEFabricPath {
    uint64_t lo, hi;            /* same way for all of [lo, hi] */
    PCIEFabricReason reason;    /* other than NONE: refused ... */
    PCIDevice *where;           /* ... here */
    PCIDevice *root_port;       /* entered the root complex here, or NULL */
    AddressSpace *as;           /* of the requester: through the SMMU, if any */
    PCIDevice *target;          /* peer Function; NULL: the root complex */
    int bar;                    /* of @target */
    bool cacheable;             /* every device on it tells when it changes */
    unsigned nr_passed;         /* ports of ours that the request passes */
    PCIEFabricCounters *passed[PCIE_FABRIC_MAX_HOPS];
} PCIEFabricPath;

#define PCIE_FABRIC_WINDOWS 4

/*
 * PCIEFabricWindow: guest RAM that the root complex, its SMMU included, made of
 * a range of addresses. Good for one batch of requests only: the BQL is held
 * all the time, so nobody can change a translation in between, except the
 * requests themselves by an access to a device.
 */
typedef struct PCIEFabricWindow {
    uint64_t addr, len;         /* len 0: not in use */
    uint64_t io_generation;
    MemoryRegion *mr;
    hwaddr offset;              /* of addr in mr */
    bool is_write;
    uint8_t at;
} PCIEFabricWindow;

#define PCIE_FABRIC_PATHS 8

/*
 * PCIEFabricPathCache: the paths that a requester used last. A path is taken
 * from here in a time that does not depend on the depth of the tree. Any change
 * that can alter a path empties all caches (pcie_fabric_paths_changed()).
 */
typedef struct PCIEFabricPathCache {
    PCIEFabricWindow window[PCIE_FABRIC_WINDOWS];
    unsigned next_window;
    uint64_t generation;
    unsigned next;
    struct {
        bool valid;
        bool atomic;
        bool down;              /* from the root complex to a peer */
        uint8_t at;
        PCIEFabricPath path;
    } entry[PCIE_FABRIC_PATHS];
} PCIEFabricPathCache;

/*
 * PCIEFabricHop: called for each decision that pcie_fabric_route() takes.
 * @d: the port, or NULL for the root complex
 * @verdict: a word: "up", "down", "direct", "redirect", "host", "peer", or the
 *           name of a reason
 */
typedef void PCIEFabricHop(void *opaque, PCIDevice *d, const char *verdict);

static inline bool pcie_fabric_op_is_atomic(PCIEFabricOp op)
{
    return op >= PCIE_FABRIC_OP_FETCHADD;
}

/*
 * pcie_fabric_reason_name: "EGRESS_BLOCKED" and so on.
 */
const char *pcie_fabric_reason_name(PCIEFabricReason reason);

/*
 * pcie_fabric_counters: of a port or endpoint of ours; NULL of another device.
 */
PCIEFabricCounters *pcie_fabric_counters(PCIDevice *d);

/*
 * pcie_fabric_paths_changed: to be called after any change that can alter a
 * path: configuration writes to, resets, plugging and unplugging of a device
 * of the fabric.
 */
void pcie_fabric_paths_changed(void);

/*
 * pcie_fabric_route_up: the way of @requester's requests to @addr, as far as
 * routing by address in switches decides it: to a peer below a common switch,
 * or into the root complex.
 * @hop: called for each decision, or NULL
 */
void pcie_fabric_route_up(PCIDevice *requester, bool atomic, uint8_t at,
                          uint64_t addr, PCIEFabricPath *path,
                          PCIEFabricHop *hop, void *opaque);

/*
 * pcie_fabric_route_down: the way from the root complex to a system address
 * that lies in a window for PCI.
 * @ingress: root port that the request came in by; NULL: from an RCiEP
 * @root_bus: whose ports and Functions decode the address
 */
void pcie_fabric_route_down(PCIDevice *ingress, PCIBus *root_bus, bool atomic,
                            uint64_t addr, PCIEFabricPath *path,
                            PCIEFabricHop *hop, void *opaque);

/*
 * pcie_fabric_issue: send a request of @requester and carry out all that
 * follows from it. Called with the BQL, from a context in which host atomics
 * are atomic against vCPUs (see pcie-fabric-engine.c).
 * @requester: has passed the requester's own checks (BME, ReqEn)
 * @cache: of @requester
 */
PCIEFabricVerdict pcie_fabric_issue(PCIDevice *requester, PCIEFabricTLP *tlp,
                                    PCIEFabricPathCache *cache);

/*
 * pcie_fabric_message: may an interrupt message of @requester pass its ports?
 * It is a posted write; a port that refuses it logs that (sec 6.1.4).
 * @addr, @data: of the message
 */
bool pcie_fabric_message(PCIDevice *requester, uint64_t addr, uint32_t data,
                         PCIEFabricPathCache *cache);

/*
 * pcie_fabric_issue_path: a request of a device that is not ours has been
 * routed to @path, and QEMU carries it out: count it, or log its refusal.
 */
PCIEFabricVerdict pcie_fabric_issue_path(PCIDevice *requester,
                                         PCIEFabricTLP *tlp,
                                         const PCIEFabricPath *path);

/*
 * pcie_fabric_redirects_completion: the downstream port that sends the
 * completion of @tlp up to the root complex, or NULL.
 */
PCIDevice *pcie_fabric_redirects_completion(const PCIEFabricTLP *tlp,
                                            const PCIEFabricPath *path);

/*
 * pcie_fabric_bus_address_space: what the bus of @d decodes, without whatever
 * lies above it.
 */
AddressSpace *pcie_fabric_bus_address_space(PCIDevice *d);

/*
 * pcie_fabric_paths_generation: changes whenever pcie_fabric_paths_changed() is
 * called.
 */
uint64_t pcie_fabric_paths_generation(void);

/*
 * pcie_fabric_begin_batch: to be called before pcie_fabric_issue() whenever the
 * BQL may have been released since the last call.
 */
void pcie_fabric_begin_batch(PCIEFabricPathCache *cache);

/*
 * pcie_fabric_device_accesses: how many accesses to devices, instead of RAM,
 * requests have made so far. They can be slow: a configuration write may make
 * QEMU build its memory map anew.
 */
uint64_t pcie_fabric_device_accesses(void);

/*
 * pcie_fabric_device_accessed: one more, which was not a request.
 */
void pcie_fabric_device_accessed(void);

/*
 * pcie_fabric_predict: what would become of a request of @requester; nothing is
 * sent, and no register changes.
 * @tlp: op, addr, len and at are set
 * @through_iommu: set if an IOMMU has the last word, which is not asked
 * @hop: called for each decision, or NULL
 */
PCIEFabricVerdict pcie_fabric_predict(PCIDevice *requester, PCIEFabricTLP *tlp,
                                      bool *through_iommu, PCIEFabricHop *hop,
                                      void *opaque);

/*
 * pcie_fabric_check_requester: may @d send a request, or an AtomicOp, as its
 * own registers are? Returns REASON_NONE if so.
 */
PCIEFabricReason pcie_fabric_check_requester(PCIDevice *d, bool atomic);

/*
 * pcie_fabric_natural_length: the Length field in DW that belongs to @tlp's
 * operation, address and len (sec 2.2.7).
 */
uint16_t pcie_fabric_natural_length(const PCIEFabricTLP *tlp);

/*
 * pcie_fabric_length_is_architected: is the Length field of an AtomicOp one
 * that its operation has (sec 2.2.7.1)?
 */
bool pcie_fabric_length_is_architected(const PCIEFabricTLP *tlp);

/*
 * pcie_fabric_tlp_header: the header of @tlp as the AER header log shows it
 * (sec 7.8.4.8).
 */
void pcie_fabric_tlp_header(PCIDevice *requester, const PCIEFabricTLP *tlp,
                            uint32_t header[4]);

/*
 * pcie_fabric_atomic_ram: carry out an AtomicOp on naturally aligned host
 * memory, atomically against vCPUs and other devices.
 * @ptr: @tlp->len bytes, aligned to that; little endian
 */
void pcie_fabric_atomic_ram(PCIEFabricTLP *tlp, void *ptr);

/*
 * pcie_fabric_ram_written: @len bytes of guest RAM at host address @ptr have
 * been written behind QEMU's back: mark them dirty, invalidate code there.
 */
void pcie_fabric_ram_written(void *ptr, uint32_t len);

/*
 * pcie_fabric_atomic_has_128: can the host compare and swap 16 bytes? If not,
 * nobody completes 128-bit CAS, whatever atomic-comp128 says.
 */
bool pcie_fabric_atomic_has_128(void);

#endif

/*
 * What the specification says about requests in a PCI Express fabric
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 2.2 and 2.3 (requests and completions),
 * 6.2 (errors), 6.12 (ACS), 6.15 (AtomicOps), 7.5.1 (bridges), 7.8.4 (AER).
 *
 * A reference model that runs beside the machine: it holds, for every
 * function, the state that software programmed and the status that must be
 * found.  flow_request() says what must become of one request and changes the
 * expected status; flow_check() compares it with the registers.
 *
 * Written from the specification and not from the device models.  Where the
 * specification leaves room the choice is marked CHOICE.  Requests whose fate
 * it leaves undefined come back as FLOW_UNDEFINED and must not be issued.
 */
#ifndef RIG_PCIE_FABRIC_FLOW_H
#define RIG_PCIE_FABRIC_FLOW_H

#include "libqos/pcie-fabric-endpoint.h"

#define FLOW_MAX_NODES          32

typedef struct FlowModel FlowModel;

typedef enum FlowKind {
    FLOW_RP,
    FLOW_USP,
    FLOW_DSP,
    FLOW_EP,                    /* endpoint, legacy endpoint, RCiEP */
} FlowKind;

/* Status that a function must show; bits in an "any" mask are not judged */
typedef struct FlowStatus {
    uint16_t status, status_any;                /* sec 7.5.1.1.4 */
    uint16_t secondary, secondary_any;          /* sec 7.5.1.3.7 */
    uint16_t devsta, devsta_any;                /* sec 7.5.3.5 */
    uint32_t cor, cor_any;                      /* sec 7.8.4.5 */
    uint32_t uncor, uncor_any;                  /* sec 7.8.4.2 */
    uint32_t owner;             /* uncor bit of the header log; 0: free */
    uint32_t header[4], header_mask[4];         /* sec 7.8.4.8 */
    uint32_t root, root_any;                    /* sec 7.8.4.10 */
    uint32_t source, source_mask;               /* sec 7.8.4.11 */
    unsigned interrupts;        /* messages since the last look */
} FlowStatus;

typedef struct FlowNode {
    FlowModel *model;
    QFabricFn *fn;
    struct FlowNode *parent;    /* NULL: on the root bus */
    FlowKind kind;
    char name[16];

    /* As programmed */
    uint16_t command, bridge_control;
    uint16_t devctl, devctl2;
    uint32_t devcap2;
    uint16_t acs;
    uint32_t vector;
    unsigned port;              /* LnkCap Port Number */
    uint64_t base[2], limit[2]; /* windows: memory, prefetchable */
    uint32_t uncor_mask, severity, cor_mask, root_command;
    unsigned d_state;

    FlowStatus want;
    bool dirty;                 /* something was logged since the check */
} FlowNode;

struct FlowModel {
    QFabric *fab;
    FlowNode *node[FLOW_MAX_NODES];
    unsigned nodes;
    uint64_t ram_base, ram_size;
    uint64_t msi_base;          /* RP interrupts; 0: not armed */
};

typedef enum FlowTarget {
    FLOW_NOWHERE,
    FLOW_RAM,
    FLOW_MACHINE,               /* devices of the machine: not memory */
    FLOW_BAR,
} FlowTarget;

typedef enum FlowFate {
    FLOW_DEFINED,
    FLOW_UNDEFINED,             /* the specification does not say */
} FlowFate;

/* What must become of a request */
typedef struct FlowVerdict {
    FlowFate fate;
    QFabricOutcome outcome;
    QFabricCpl status;
    uint32_t reasons;           /* bit per permitted QFabricReason; 0: any */
    bool where_judged;
    FlowNode *where;            /* who refused; NULL: nobody, or the RC */
    FlowTarget target;          /* of a request that was executed */
    FlowNode *completer;
    bool executed;
} FlowVerdict;

/* All functions of the fabric that belong to it; reads what is programmed */
FlowModel *flow_new(QFabric *fab);
void flow_free(FlowModel *m);
void flow_sync(FlowModel *m);
FlowNode *flow_node(FlowModel *m, const QFabricFn *fn);
FlowNode *flow_named(FlowModel *m, const char *name);

/* Writes that the model follows; every one is read back */
void flow_set_command(FlowNode *n, uint16_t clear, uint16_t set);
void flow_set_bridge_control(FlowNode *n, uint16_t clear, uint16_t set);
void flow_set_devctl(FlowNode *n, uint16_t clear, uint16_t set);
void flow_set_devctl2(FlowNode *n, uint16_t clear, uint16_t set);
void flow_set_acs(FlowNode *n, uint16_t ctl, uint32_t vector);
void flow_set_aer(FlowNode *n, uint32_t uncor_mask, uint32_t severity,
                  uint32_t cor_mask);
void flow_set_root_command(FlowNode *n, uint32_t val);
void flow_set_window(FlowNode *n, unsigned which, uint64_t base,
                     uint64_t limit);
void flow_set_d_state(FlowNode *n, unsigned d_state);

/* The verdict on a request; changes what the functions must show */
FlowVerdict flow_request(FlowModel *m, FlowNode *requester,
                         const QFabricReq *req);
/*
 * The same for a read or write that the function makes on its own account
 * (the ring): only the ports' part, and the requester's Status.
 */
bool flow_can_issue(FlowNode *requester, const QFabricReq *req,
                    FlowVerdict *v);
bool flow_verdict_allows(const FlowVerdict *v, const QFabricReq *req,
                         const QFabricRes *res);
char *flow_verdict_str(const FlowVerdict *v);

/* Errors: pcie-fabric-flow-log.c */
typedef struct FlowTlp {
    const QFabricReq *req;
    FlowNode *requester;
    bool posted;
    uint32_t length;            /* Length field, DW */
} FlowTlp;

FlowTlp flow_tlp(FlowNode *requester, const QFabricReq *req);
/* tlp NULL: an error that logs no header */
void flow_error(FlowNode *n, uint32_t error, bool advisory,
                const FlowTlp *tlp);

/* Compare; a mismatch fails the test case but lets it go on */
bool flow_check(FlowNode *n, const char *why);
/* Every function, or only those where something was logged */
bool flow_check_all(FlowModel *m, const char *why);
bool flow_check_dirty(FlowModel *m, const char *why);
/* Write ones to all status bits, in the machine and in the model */
void flow_clear(FlowNode *n);
void flow_clear_dirty(FlowModel *m);
void flow_clear_all(FlowModel *m);
/* Clear some bits of Uncorrectable Error Status only */
void flow_clear_uncor(FlowNode *n, uint32_t bits);

#endif

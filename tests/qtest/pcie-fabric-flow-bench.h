/*
 * One topology that has every path, and how to send a request along it
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 *   rp0 --- ep0                          direct
 *   rp1 --- us0 -+- ds0 --- ep1          below a switch
 *                +- ds1 --- ep2          its neighbour
 *                +- ds2 --- us1 -+- ds3 --- ep3    below two switches
 *                |               +- ds4 --- ep4    its neighbour
 *                +- ds5 (empty)
 *   rp2 --- ep5                          below another root port
 *   rp3 (empty)
 *   ep6, ep7                             RCiEPs
 *
 * Names are those of the flow model: counted in depth-first order.  A bench
 * lives until another variant is asked for, so that thousands of cases share
 * one machine; each case starts from the baseline.
 */
#ifndef RIG_PCIE_FABRIC_FLOW_BENCH_H
#define RIG_PCIE_FABRIC_FLOW_BENCH_H

#include "pcie-fabric-flow.h"

/* Where an endpoint sits */
typedef enum FlowPlace {
    PLACE_DIRECT,
    PLACE_SWITCH,
    PLACE_SWITCH_PEER,
    PLACE_DEEP,
    PLACE_DEEP_PEER,
    PLACE_OTHER_RP,
    PLACE_RCIEP,
    PLACE_RCIEP_PEER,
    /* Virtual functions (sriov-vfs=N) go here: PLACE_VF, PLACE_VF_SWITCH */
    PLACE_MAX,
} FlowPlace;

#define EP_MEM_SIZE             0x10000ULL
#define TEST_TIMEOUT_US         10
/* In guest RAM: targets, rings, messages of endpoints and of root ports */
#define RAM_TARGET              (QFABRIC_SCRATCH + 0x10000)
#define RAM_RING                (QFABRIC_SCRATCH + 0x100000)
#define RAM_EP_MSG              (QFABRIC_SCRATCH + 0x2000)
#define RAM_RP_MSG              (QFABRIC_SCRATCH + 0x4000)
/* In peer memory: what peers aim at, and what is local to a request */
#define MEM_TARGET              0x1000
#define MEM_LOCAL               0x4000
/* Nothing is there: beyond RAM; beyond all windows; below RAM */
#define HOLE_ABOVE_RAM          0x50000000ULL
#define HOLE_PCI64              0x8040000000ULL
#define HOLE_LOW                0x3e000000ULL
/* A device of the machine: no memory (table 2.3 row 5) */
#define NOT_MEMORY              0x09000000ULL

/* Properties of a machine; bit masks by position in the drawing */
typedef struct FlowVariant {
    const char *name;
    unsigned rp_no_routing;     /* mask of rpN */
    unsigned us_no_routing;     /* mask of usN */
    unsigned ds_no_routing;     /* mask of dsN; mixed unless its usN too */
    unsigned rp_comp;           /* bits 0, 1, 2: 32, 64, 128 bit; 8: as 0 */
    unsigned ep_comp;
} FlowVariant;

/* All completers and all routing: the default of FlowVariant's fields */
#define COMP_DEFAULT            0
#define COMP_NONE               8
extern const FlowVariant flow_full;

typedef struct FlowBench {
    const FlowVariant *variant;
    QTestState *qts;
    QFabric *fab;
    FlowModel *m;
    QFabricEp *ep[PLACE_MAX];
    FlowNode *fn[PLACE_MAX];
    uint64_t seed;
    unsigned requests;          /* statistics */
} FlowBench;

/* Booted, enumerated and in the baseline */
FlowBench *flow_bench(const FlowVariant *variant);
void flow_bench_quit(void);
void flow_bench_baseline(FlowBench *b);
/* Ends a case: all functions are clean; a bench that failed is thrown away */
void flow_bench_end(FlowBench *b, bool ok);
/* The command line of a variant */
char *flow_bench_devices(const FlowVariant *variant);
/* An additional machine, not cached; free with flow_bench_free() */
FlowBench *flow_bench_new(const FlowVariant *variant, const char *more);
void flow_bench_free(FlowBench *b);
/* After a reset took the programming away */
void flow_bench_reprogram(FlowBench *b);

FlowNode *flow_port(FlowBench *b, const char *name);
bool flow_on_path(const FlowNode *port, const FlowNode *fn);

/* Where requests go */
typedef enum FlowGoal {
    GOAL_RAM,
    GOAL_PEER,
    GOAL_HOLE,
} FlowGoal;

typedef struct FlowRoute {
    const char *name;
    FlowPlace from;
    FlowGoal goal;
    FlowPlace to;               /* GOAL_PEER */
} FlowRoute;

extern const FlowRoute flow_routes[];
extern const unsigned flow_n_routes;
uint64_t flow_goal(FlowBench *b, const FlowRoute *route);

/* The form of a request, apart from where it goes */
typedef struct FlowShape {
    const char *name;
    QFabricOp op;
    unsigned size;              /* operand, or bytes */
    unsigned offset;            /* from an address aligned to 64 */
    unsigned length;            /* Length field, instead of the right one */
    bool poisoned;
    bool quick;                 /* good for the long loops */
} FlowShape;

extern const FlowShape flow_shapes[];
extern const unsigned flow_n_shapes;
QFabricReq flow_shape_req(const FlowShape *shape, uint64_t base);

/*
 * Send one request: judge the result, the data, and all functions where
 * something must have been logged; then clear what was logged.  CAS compares
 * with what is there, three times out of four.  Returns whether all agreed.
 */
bool flow_try(FlowBench *b, FlowPlace from, const QFabricReq *req,
              const char *why);
/* The same, but nothing is cleared */
bool flow_try_keep(FlowBench *b, FlowPlace from, const QFabricReq *req,
                   const char *why);
/* The model's verdict must be this one: guards the table tests */
bool flow_try_is(FlowBench *b, FlowPlace from, const QFabricReq *req,
                 QFabricOutcome outcome, QFabricCpl status,
                 QFabricReason reason, const char *where, const char *why);

/* splitmix64: the same sequence everywhere */
uint64_t flow_random(uint64_t *state);

#endif

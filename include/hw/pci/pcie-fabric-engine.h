/*
 * PCIe fabric endpoint: the engine that issues requests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The engine takes requests from its registers (one at a time, by doorbell) or
 * from a ring of descriptors in memory, sends them into the fabric, and gives
 * back what came of them. It owns the registers of BAR 0 from CTRL upwards;
 * docs/specs/pcie-fabric-endpoint.rst describes them.
 *
 * Life of a request: checked (BAD_REQUEST, BME, ReqEn ...), issued, and then
 * either complete at once, or waiting until the completion timeout.
 */

#ifndef HW_PCI_PCIE_FABRIC_ENGINE_H
#define HW_PCI_PCIE_FABRIC_ENGINE_H

#include "exec/memory.h"
#include "hw/pci/pcie-fabric-tlp.h"
#include "hw/pci/pcie-fabric-turn.h"
#include "qemu/timer.h"

/* A request as software writes it; numbers in host byte order. */
typedef struct PCIEFabricRequest {
    uint32_t word;              /* fields of REQ_OP */
    uint32_t len;
    uint64_t addr;
    uint8_t operand[2][16];
    uint32_t local;
} PCIEFabricRequest;

/* What came of it, as software reads it. */
typedef struct PCIEFabricResult {
    uint32_t word;              /* fields of RES_STATUS */
    uint32_t where;             /* fields of RES_WHERE */
    uint8_t data[16];
} PCIEFabricResult;

typedef struct PCIEFabricEngine {
    PCIDevice *dev;             /* whose engine it is */
    MemoryRegion *local;        /* the own peer memory, or NULL */

    uint32_t ctrl;
    uint32_t int_status;
    uint32_t int_enable;
    uint32_t timeout_us;
    PCIEFabricRequest request;
    PCIEFabricResult result;
    uint64_t ring_base;
    uint32_t ring_order;
    uint32_t ring_head;
    uint32_t ring_tail;
    bool ring_error;

    bool waiting;               /* a request waits for its timeout ... */
    bool waiting_in_ring;       /* ... and is the descriptor at ring_head */
    bool waiting_for_late;      /* ... for a completion that a rule delays */
    PCIEFabricResult wait_result;   /* what it gets then */

    QEMUTimer timeout;
    PCIEFabricTurn turn;
    bool live;                  /* between realize and exit */
    bool work_queued;           /* on the vCPU thread */
    bool doorbell_rung;         /* in a place where it could not be answered */
    unsigned epoch;             /* counts resets, and the end */
    VMChangeStateEntry *vm_state;
    PCIEFabricPathCache cache;
} PCIEFabricEngine;

/*
 * pcie_fabric_engine_init, pcie_fabric_engine_exit: with realize and exit.
 * @local: peer memory that reads fill and writes send, or NULL
 */
void pcie_fabric_engine_init(PCIEFabricEngine *e, PCIDevice *dev,
                             MemoryRegion *local);
void pcie_fabric_engine_exit(PCIEFabricEngine *e);

/*
 * pcie_fabric_engine_reset: abandon everything; registers to reset values.
 */
void pcie_fabric_engine_reset(PCIEFabricEngine *e);

/*
 * pcie_fabric_engine_is_busy: has it requests under way, or to do?
 */
bool pcie_fabric_engine_is_busy(PCIEFabricEngine *e);

/*
 * pcie_fabric_engine_read, pcie_fabric_engine_write: a 32-bit register of
 * BAR 0, @addr a multiple of 4, @val in host byte order.
 * Return false if there is no such register, or if it cannot be written now.
 */
bool pcie_fabric_engine_read(PCIEFabricEngine *e, hwaddr addr, uint32_t *val);
bool pcie_fabric_engine_write(PCIEFabricEngine *e, hwaddr addr, uint32_t val);

extern const VMStateDescription vmstate_pcie_fabric_engine;

#endif

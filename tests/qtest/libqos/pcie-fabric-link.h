/*
 * Links and their resets, for qtests of the PCIe fabric
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 6.6.1 (hot reset), 7.5.1.3.13 (Secondary Bus
 * Reset), 7.5.3.7 (Link Disable, Retrain Link).
 *
 * Nothing here waits: the clock is the test's.
 */
#ifndef RIG_LIBQOS_PCIE_FABRIC_LINK_H
#define RIG_LIBQOS_PCIE_FABRIC_LINK_H

#include "pcie-fabric.h"

#define QFABRIC_MS              1000000ll

/* Levels: held as long as on */
void qfabric_sbr(QFabricFn *port, bool on);
void qfabric_link_disable(QFabricFn *port, bool on);
void qfabric_link_retrain(QFabricFn *port);
/* pcie-fabric-link-lose; id is the port's on the command line */
void qfabric_link_lose(QTestState *qts, const char *id);

uint16_t qfabric_link_status(QFabricFn *port);
uint16_t qfabric_slot_status(QFabricFn *port);
/* The event bits of Slot Status, and LBMS and LABS of Link Status */
void qfabric_clear_events(QFabricFn *port);
/* What query-pcie-fabric-links says of a port; free it */
char *qfabric_link_state(QTestState *qts, const char *id);

/* qom-set of a device with an ID */
void qfabric_set_prop(QTestState *qts, const char *id, const char *name,
                      int64_t value);
void qfabric_step_ms(QTestState *qts, int64_t ms);

#endif

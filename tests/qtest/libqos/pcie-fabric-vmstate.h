/*
 * Snapshots and migration, for qtests of the PCIe fabric
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef RIG_LIBQOS_PCIE_FABRIC_VMSTATE_H
#define RIG_LIBQOS_PCIE_FABRIC_VMSTATE_H

#include "pcie-fabric.h"

/* A directory of one test: a disk image for snapshots, a migration stream */
typedef struct QFabricFiles {
    char *dir;
    char *image;
    char *stream;
} QFabricFiles;

void qfabric_files_open(QFabricFiles *f);
void qfabric_files_close(QFabricFiles *f);
/* "-drive ..." of a fresh image that savevm can use; free it */
char *qfabric_files_drive(const QFabricFiles *f);

/* HMP commands that work say nothing; anything else fails the test */
bool qfabric_hmp_quiet(QTestState *qts, const char *command);

/* Both wait; the destination was started with "-incoming defer" */
void qfabric_migrate_out(QTestState *qts, const char *uri);
/* A destination that refuses the stream ends with status 1 */
bool qfabric_migrate_in(QTestState *qts, const char *uri);

#endif

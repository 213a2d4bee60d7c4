/*
 * IPMI BMC with many channels: FRU inventory data
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 34; Platform Management FRU Information Storage
 * Definition v1.0 rev 1.3.
 *
 * Owns: the data of the BMC's FRUs. Called by the FRU commands.
 *
 * Life: ipmi_frus_init() fills them from files, or with what is built in, and
 * registers with the store, which then loads; ipmi_frus_exit().
 */

#ifndef IPMI_MULTI_FRU_H
#define IPMI_MULTI_FRU_H

#include "migration/vmstate.h"
#include "store.h"

#define IPMI_FRUS               4

typedef struct IPMIFru {
    uint8_t *data;
    uint32_t size;              /* bytes */
} IPMIFru;

typedef struct IPMIFrus {
    IPMIStore *store;
    IPMIFru fru[IPMI_FRUS];

    /* properties */
    char **files;
    uint32_t n_files;
    uint32_t size;              /* bytes of each */
    char *manufacturer, *product, *serial;
} IPMIFrus;

/*
 * ipmi_frus_init: Returns false with @errp set if a property is out of range,
 * or a file cannot be read or is too long.
 */
bool ipmi_frus_init(IPMIFrus *frus, IPMIStore *store, Error **errp);
void ipmi_frus_exit(IPMIFrus *frus);

/*
 * ipmi_fru_default: the built-in data of FRU @id, at the start of its buffer.
 */
void ipmi_fru_default(IPMIFrus *frus, unsigned id);

/*
 * ipmi_fru_write: @len bytes at @offset, which are within the FRU's data.
 * Returns false, and nothing has changed, if they could not be stored.
 */
bool ipmi_fru_write(IPMIFrus *frus, unsigned id, unsigned offset,
                    const uint8_t *data, unsigned len);

extern const VMStateDescription vmstate_ipmi_frus;

#endif

/*
 * IPMI BMC with many channels: FRU inventory data
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 34.
 *
 * Modelled: four FRUs with byte access; data from files, or built in.
 */

#include "qemu/osdep.h"
#include "file.h"
#include "fru.h"
#include "kinds.h"
#include "qapi/error.h"
#include "trace.h"

#define FRU_SIZE_MIN            1024
#define FRU_SIZE_MAX            8192

/* In the store: pieces; FRU and offset are the key. */
#define FRU_CHUNK               512
#define FRU_KEY(id, offset)     ((id) << 16 | (offset))

bool ipmi_fru_write(IPMIFrus *frus, unsigned id, unsigned offset,
                    const uint8_t *data, unsigned len)
{
    if (!ipmi_store_put(frus->store, IPMI_STORE_FRU, FRU_KEY(id, offset),
                        data, len)) {
        return false;
    }
    memcpy(frus->fru[id].data + offset, data, len);
    trace_ipmi_fru_write(frus->store->name, id, offset, len);
    return true;
}

static bool fru_load(void *opaque, uint32_t key, const uint8_t *data,
                     uint32_t len)
{
    IPMIFrus *frus = opaque;
    uint32_t id = key >> 16;
    uint32_t offset = key & 0xffff;
    IPMIFru *fru;

    if (id >= IPMI_FRUS) {
        return false;
    }
    fru = &frus->fru[id];
    if (offset > fru->size || len > fru->size - offset) {
        return false;
    }
    memcpy(fru->data + offset, data, len);
    return true;
}

static void fru_dump(void *opaque, IPMIStore *st)
{
    IPMIFrus *frus = opaque;

    for (unsigned id = 0; id < IPMI_FRUS; id++) {
        IPMIFru *fru = &frus->fru[id];

        for (unsigned at = 0; at < fru->size; at += FRU_CHUNK) {
            ipmi_store_emit(st, IPMI_STORE_FRU, FRU_KEY(id, at), fru->data + at,
                            MIN(FRU_CHUNK, fru->size - at));
        }
    }
}

static const IPMIStoreKind fru_kind = { "fru", fru_load, fru_dump };

static bool fru_load_file(IPMIFru *fru, const char *name, Error **errp)
{
    return ipmi_file_read("fru-files", name, fru->data, fru->size, "fru-size",
                          errp) >= 0;
}

bool ipmi_frus_init(IPMIFrus *frus, IPMIStore *store, Error **errp)
{
    if (frus->size < FRU_SIZE_MIN || frus->size > FRU_SIZE_MAX) {
        error_setg(errp, "fru-size is %u, and has to be %u to %u", frus->size,
                   FRU_SIZE_MIN, FRU_SIZE_MAX);
        return false;
    }
    if (frus->n_files > IPMI_FRUS) {
        error_setg(errp, "fru-files has %u names, and there are %u FRUs",
                   frus->n_files, IPMI_FRUS);
        return false;
    }
    frus->store = store;
    for (unsigned id = 0; id < IPMI_FRUS; id++) {
        const char *file = id < frus->n_files ? frus->files[id] : NULL;
        IPMIFru *fru = &frus->fru[id];

        fru->size = frus->size;
        fru->data = g_malloc0(fru->size);
        if (!file || !*file) {
            ipmi_fru_default(frus, id);
        } else if (!fru_load_file(fru, file, errp)) {
            ipmi_frus_exit(frus);
            return false;
        }
    }
    ipmi_store_register(store, IPMI_STORE_FRU, &fru_kind, frus);
    return true;
}

void ipmi_frus_exit(IPMIFrus *frus)
{
    for (unsigned id = 0; id < IPMI_FRUS; id++) {
        g_clear_pointer(&frus->fru[id].data, g_free);
    }
}

static const VMStateDescription vmstate_fru = {
    .name = "ipmi-bmc-multi/fru",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32_EQUAL(size, IPMIFru, "the BMCs have another fru-size"),
        VMSTATE_VBUFFER_UINT32(data, IPMIFru, 1, NULL, size),
        VMSTATE_END_OF_LIST()
    }
};

const VMStateDescription vmstate_ipmi_frus = {
    .name = "ipmi-bmc-multi/frus",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_ARRAY(fru, IPMIFrus, IPMI_FRUS, 1, vmstate_fru,
                             IPMIFru),
        VMSTATE_END_OF_LIST()
    }
};

/*
 * IPMI BMC with many channels: FRU inventory
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 34; Platform Management FRU
 * Information Storage Definition v1.0 rev 1.3 ("FRU").
 *
 * Modelled: four FRUs with byte access; data from files, or built in.
 */

#include "qemu/osdep.h"
#include "priv.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "trace.h"

#define FRU_SIZE_MIN            1024

/* FRU sec 8: common header; areas are multiples of 8 bytes */
#define FRU_FORMAT              0x01
#define FRU_HEADER              8
#define FRU_O_CHASSIS           2
#define FRU_O_BOARD             3
#define FRU_O_PRODUCT           4
#define FRU_UNIT                8

/* FRU sec 13: type/length bytes: 8-bit ASCII, and the end of the fields */
#define FRU_ASCII               0xc0
#define FRU_END                 0xc1
#define FRU_FIELD_MAX           63

#define FRU_ENGLISH             25
#define FRU_RACK_MOUNT          0x17

/* In the store: pieces; FRU and offset are the key. */
#define FRU_CHUNK               512
#define FRU_KEY(id, offset)     ((id) << 16 | (offset))

/*
 * FRUArea: an information area that is being built at p[0..len).
 */
typedef struct FRUArea {
    uint8_t *p;
    unsigned len;
} FRUArea;

static void area_u8(FRUArea *a, uint8_t val)
{
    a->p[a->len++] = val;
}

/*
 * FRU sec 13: a length of 1 would be taken for the end of the fields. The
 * built-in fields are short; names of the user are cut.
 */
static void area_field(FRUArea *a, const char *text)
{
    unsigned len = MIN(strlen(text), FRU_FIELD_MAX / 2);

    if (len == 1) {
        area_u8(a, FRU_ASCII | 2);
        area_u8(a, text[0]);
        area_u8(a, ' ');
        return;
    }
    area_u8(a, FRU_ASCII | len);
    memcpy(a->p + a->len, text, len);
    a->len += len;
}

static void area_begin(FRUArea *a)
{
    area_u8(a, FRU_FORMAT);
    area_u8(a, 0);              /* length, in area_end() */
}

/* End of the fields, length, and checksum in the last byte. */
static void area_end(FRUArea *a)
{
    area_u8(a, FRU_END);
    a->len = ROUND_UP(a->len + 1, FRU_UNIT);
    a->p[1] = a->len / FRU_UNIT;
    a->p[a->len - 1] = ipmi_checksum(a->p, a->len - 1);
}

typedef struct FRUText {
    const char *chassis_part;   /* NULL: no chassis area */
    const char *board, *board_part;     /* NULL: no board area */
    const char *product, *product_part; /* NULL: the user's product */
} FRUText;

static const FRUText fru_texts[IPMI_FRUS] = {
    { "RIG-CH-01", "BMC", "RIG-BM-01", NULL, "RIG-SV-01" },
    { NULL, "Mainboard", "RIG-MB-01", "Mainboard", "RIG-MB-01" },
    { NULL, NULL, NULL, "Power Supply 900W", "RIG-PS-09" },
    { NULL, NULL, NULL, "Power Supply 900W", "RIG-PS-09" },
};

static void area_chassis(FRUArea *a, const FRUText *text, const char *serial)
{
    area_begin(a);
    area_u8(a, FRU_RACK_MOUNT);
    area_field(a, text->chassis_part);
    area_field(a, serial);
    area_end(a);
}

static void area_board(FRUArea *a, const FRUText *text,
                       const char *manufacturer, const char *serial)
{
    area_begin(a);
    area_u8(a, FRU_ENGLISH);
    area_u8(a, 0);              /* date of manufacture: not specified */
    area_u8(a, 0);
    area_u8(a, 0);
    area_field(a, manufacturer);
    area_field(a, text->board);
    area_field(a, serial);
    area_field(a, text->board_part);
    area_field(a, "");          /* FRU file ID */
    area_end(a);
}

static void area_product(FRUArea *a, const FRUText *text,
                         const char *manufacturer, const char *product,
                         const char *serial)
{
    area_begin(a);
    area_u8(a, FRU_ENGLISH);
    area_field(a, manufacturer);
    area_field(a, product);
    area_field(a, text->product_part);
    area_field(a, "1.0");
    area_field(a, serial);
    area_field(a, "");          /* asset tag */
    area_field(a, "");          /* FRU file ID */
    area_end(a);
}

/*
 * Header and areas: at most 600 bytes, as fields of the user are cut.
 */
void ipmi_fru_default(IPMIBmcMulti *s, unsigned id)
{
    IPMIBmcStores *st = &s->stores;
    const FRUText *text = &fru_texts[id];
    const char *maker = st->manufacturer ?: "qemu-rig";
    const char *product = text->product ?: st->product ?: "virtual server";
    g_autofree char *serial = id && st->serial ?
                              g_strdup_printf("%s-%u", st->serial, id) :
                              g_strdup(st->serial ?: "0000000000");
    uint8_t buf[FRU_SIZE_MIN] = { FRU_FORMAT };
    FRUArea a = { .p = buf + FRU_HEADER };
    unsigned at = FRU_HEADER;

    if (text->chassis_part) {
        buf[FRU_O_CHASSIS] = at / FRU_UNIT;
        area_chassis(&a, text, serial);
        at += a.len;
    }
    if (text->board) {
        buf[FRU_O_BOARD] = at / FRU_UNIT;
        a = (FRUArea) { .p = buf + at };
        area_board(&a, text, maker, serial);
        at += a.len;
    }
    buf[FRU_O_PRODUCT] = at / FRU_UNIT;
    a = (FRUArea) { .p = buf + at };
    area_product(&a, text, maker, product, serial);
    at += a.len;
    buf[FRU_HEADER - 1] = ipmi_checksum(buf, FRU_HEADER - 1);
    memcpy(st->fru[id].data, buf, at);
}

static IPMIFru *req_fru(IPMIBmcMulti *s, const IPMIReq *req)
{
    uint8_t id = req->data[0];

    return id < IPMI_FRUS ? &s->stores.fru[id] : NULL;
}

/* sec 34.1: size, and access by bytes */
static uint8_t fru_info(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMIFru *fru = req_fru(s, req);

    if (!fru) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    ipmi_rsp_u16(rsp, fru->size);
    ipmi_rsp_u8(rsp, 0);
    return IPMI_CC_OK;
}

/* sec 34.2: at the end of the data, fewer bytes than asked for */
static uint8_t fru_read(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMIFru *fru = req_fru(s, req);
    unsigned offset = lduw_le_p(req->data + 1);
    unsigned count = req->data[3];

    if (!fru) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    if (offset >= fru->size) {
        return IPMI_CC_PARM_OUT_OF_RANGE;
    }
    count = MIN(count, fru->size - offset);
    if (count + 1 > ipmi_rsp_room(rsp)) {
        return IPMI_CC_CANNOT_RETURN_REQ_NUM_BYTES;
    }
    ipmi_rsp_u8(rsp, count);
    ipmi_rsp_bytes(rsp, fru->data + offset, count);
    return IPMI_CC_OK;
}

static uint8_t fru_write(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMIFru *fru = req_fru(s, req);
    unsigned offset = lduw_le_p(req->data + 1);
    unsigned count = req->len - 3;

    if (!fru) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    if (offset >= fru->size || count > fru->size - offset) {
        return IPMI_CC_PARM_OUT_OF_RANGE;
    }
    if (!ipmi_store_put(s, IPMI_STORE_FRU, FRU_KEY(req->data[0], offset),
                        req->data + 3, count)) {
        return IPMI_CC_UNSPECIFIED;
    }
    memcpy(fru->data + offset, req->data + 3, count);
    trace_ipmi_fru_write(ipmi_bmc_name(s), req->data[0], offset, count);
    ipmi_rsp_u8(rsp, count);
    return IPMI_CC_OK;
}

/* The count of a write that is returned is one byte. */
#define FRU_WRITE_MAX (3 + 255)

static const IPMICommand fru_commands[] = {
    { 0x10, "Get FRU Inventory Area Info", 1, 1, IPMI_MULTI_PRIV_USER, 0,
      fru_info },
    { 0x11, "Read FRU Data", 4, 4, IPMI_MULTI_PRIV_USER, 0, fru_read },
    { 0x12, "Write FRU Data", 4, FRU_WRITE_MAX, IPMI_MULTI_PRIV_OPERATOR, 0,
      fru_write },
};

const IPMICommandTable ipmi_cmds_fru =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_STORAGE, fru_commands);

static bool fru_load(IPMIBmcMulti *s, uint32_t key, const uint8_t *data,
                     uint32_t len)
{
    uint32_t id = key >> 16;
    uint32_t offset = key & 0xffff;
    IPMIFru *fru;

    if (id >= IPMI_FRUS) {
        return false;
    }
    fru = &s->stores.fru[id];
    if (offset > fru->size || len > fru->size - offset) {
        return false;
    }
    memcpy(fru->data + offset, data, len);
    return true;
}

static void fru_dump(IPMIBmcMulti *s)
{
    for (unsigned id = 0; id < IPMI_FRUS; id++) {
        IPMIFru *fru = &s->stores.fru[id];

        for (unsigned at = 0; at < fru->size; at += FRU_CHUNK) {
            ipmi_store_emit(s, IPMI_STORE_FRU, FRU_KEY(id, at), fru->data + at,
                            MIN(FRU_CHUNK, fru->size - at));
        }
    }
}

const IPMIStoreKind ipmi_store_fru = { "fru", fru_load, fru_dump };

static bool fru_load_file(IPMIFru *fru, const char *name, Error **errp)
{
    g_autofree gchar *data = NULL;
    g_autoptr(GError) err = NULL;
    gsize len;

    if (!g_file_get_contents(name, &data, &len, &err)) {
        error_setg(errp, "fru-files: %s", err->message);
        return false;
    }
    if (len > fru->size) {
        error_setg(errp, "fru-files: '%s' has %zu bytes, and fru-size is %u",
                   name, (size_t)len, fru->size);
        return false;
    }
    memcpy(fru->data, data, len);
    return true;
}

bool ipmi_fru_realize(IPMIBmcMulti *s, Error **errp)
{
    IPMIBmcStores *st = &s->stores;

    if (st->fru_size < FRU_SIZE_MIN || st->fru_size > IPMI_FRU_MAX) {
        error_setg(errp, "fru-size is %u, and has to be %u to %u",
                   st->fru_size, FRU_SIZE_MIN, IPMI_FRU_MAX);
        return false;
    }
    if (st->n_fru_files > IPMI_FRUS) {
        error_setg(errp, "fru-files has %u names, and there are %u FRUs",
                   st->n_fru_files, IPMI_FRUS);
        return false;
    }
    for (unsigned id = 0; id < IPMI_FRUS; id++) {
        const char *file = id < st->n_fru_files ? st->fru_files[id] : NULL;
        IPMIFru *fru = &st->fru[id];

        fru->size = st->fru_size;
        fru->data = g_malloc0(fru->size);
        if (!file || !*file) {
            ipmi_fru_default(s, id);
        } else if (!fru_load_file(fru, file, errp)) {
            ipmi_fru_unrealize(s);
            return false;
        }
    }
    return true;
}

void ipmi_fru_unrealize(IPMIBmcMulti *s)
{
    for (unsigned id = 0; id < IPMI_FRUS; id++) {
        g_clear_pointer(&s->stores.fru[id].data, g_free);
    }
}

const VMStateDescription vmstate_ipmi_fru = {
    .name = "ipmi-bmc-multi/fru",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32_EQUAL(size, IPMIFru, "the BMCs have another fru-size"),
        VMSTATE_VBUFFER_UINT32(data, IPMIFru, 1, NULL, size),
        VMSTATE_END_OF_LIST()
    }
};

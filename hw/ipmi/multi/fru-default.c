/*
 * IPMI BMC with many channels: the built-in FRU data
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: Platform Management FRU Information Storage Definition v1.0
 * rev 1.3 ("FRU").
 */

#include "qemu/osdep.h"
#include "fru.h"
#include "message.h"

/* The smallest fru-size; the built-in data are less */
#define FRU_ROOM                1024

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
void ipmi_fru_default(IPMIFrus *frus, unsigned id)
{
    const FRUText *text = &fru_texts[id];
    const char *maker = frus->manufacturer ?: "qemu-rig";
    const char *product = text->product ?: frus->product ?: "virtual server";
    g_autofree char *serial = id && frus->serial ?
                              g_strdup_printf("%s-%u", frus->serial, id) :
                              g_strdup(frus->serial ?: "0000000000");
    uint8_t buf[FRU_ROOM] = { FRU_FORMAT };
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
    memcpy(frus->fru[id].data, buf, at);
}


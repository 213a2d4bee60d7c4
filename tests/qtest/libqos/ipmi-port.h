/*
 * A guest's view of an IPMI system interface (KCS or BT) on PCI, for qtests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 9 (KCS), 11 (BT).
 *
 * Messages are written as strings: bytes in hexadecimal, spaces as one likes.
 * A request is NetFn (not shifted; LUN 0), command, data; a response is the
 * completion code and its data. In an expected response ".." is any byte, and
 * "*" at the end stands for any number of them.
 */
#ifndef RIG_LIBQOS_IPMI_PORT_H
#define RIG_LIBQOS_IPMI_PORT_H

#include "tests/qtest/libqtest.h"

#define QIPMI_MACHINE   "-machine virt,gic-version=3 -m 128 -nodefaults "
#define QIPMI_BMC       "-device ipmi-bmc-multi,id=bmc0 "
#define QIPMI_KCS       "-device pci-ipmi-kcs,bmc=bmc0,addr=4,id=kcs0 "
#define QIPMI_BT        "-device pci-ipmi-bt,bmc=bmc0,addr=5,id=bt0 "
#define QIPMI_KCS_SLOT  4
#define QIPMI_BT_SLOT   5

#define QIPMI_MAX       300

/* KCS: registers, sec 9.2 and 9.9 */
#define QKCS_DATA       0
#define QKCS_STATUS     1
#define QKCS_OBF        0x01
#define QKCS_IBF        0x02
#define QKCS_ATN        0x04
#define QKCS_STATE(s)   ((s) >> 6)
#define QKCS_IDLE       0
#define QKCS_READ       1
#define QKCS_WRITE      2
#define QKCS_ERROR      3
#define QKCS_ABORT      0x60
#define QKCS_START      0x61
#define QKCS_END        0x62
#define QKCS_NEXT       0x68

/* BT: registers, sec 11.6 */
#define QBT_CTRL        0
#define QBT_DATA        1
#define QBT_MASK        2
#define QBT_CLR_WR      0x01
#define QBT_CLR_RD      0x02
#define QBT_H2B         0x04
#define QBT_B2H         0x08
#define QBT_SMS_ATN     0x10
#define QBT_H_BUSY      0x40
#define QBT_B_BUSY      0x80

typedef struct QIPMI {
    QTestState *qts;
    const char *name;
    bool bt;
    uint64_t cfg;               /* its configuration space */
    unsigned bar;               /* where its registers are put */
    uint64_t bridge;            /* configuration space of a root port, or 0 */
    uint64_t io;                /* its registers */
    uint8_t seq;                /* BT: of the last request */
} QIPMI;

/* As it came: netfn with the response bit, not shifted */
typedef struct QIPMIRsp {
    uint8_t netfn, lun, cmd, cc, seq;
    unsigned len;               /* of data */
    uint8_t data[QIPMI_MAX];
} QIPMIRsp;

/* A machine with nothing but these devices; "%" is not special */
QTestState *qipmi_boot(const char *devices);

/* Find the interface in this slot and program its BAR */
void qipmi_open(QIPMI *p, QTestState *qts, unsigned slot);

/*
 * The same for one behind the PCIe root port in @slot, on bus @bus, which gets
 * a window of I/O ports. Its slot is switched on.
 */
void qipmi_open_behind(QIPMI *p, QTestState *qts, unsigned slot, unsigned bus);

/* Switch its slot off: a guest that lets it go after device_del */
void qipmi_slot_off(QIPMI *p);

/* Once more, after a reset of the machine */
void qipmi_enable(QIPMI *p);

uint8_t qipmi_in(QIPMI *p, unsigned reg);
void qipmi_out(QIPMI *p, unsigned reg, uint8_t val);

/* Is attention (SMS_ATN) shown? */
bool qipmi_attention(QIPMI *p);

/*
 * KCS: begin a message of bytes, not ended, as a driver does that is
 * interrupted. True if the interface takes it.
 */
bool qkcs_write_some(QIPMI *p, const uint8_t *bytes, unsigned n);

/* KCS: give up what is under way (figure 9-8); returns the status code */
uint8_t qkcs_abort(QIPMI *p);

/*
 * Send a message (netFn/LUN byte first), and fetch its response. False: it was
 * not taken, or no response is there (yet).
 */
bool qipmi_send(QIPMI *p, const uint8_t *bytes, unsigned n);
bool qipmi_fetch(QIPMI *p, QIPMIRsp *rsp);

/* Both; checks that the response belongs to the request, returns its code */
uint8_t qipmi_cmd(QIPMI *p, uint8_t netfn, uint8_t cmd, const void *data,
                  unsigned len, QIPMIRsp *rsp);

/* Bytes of a string of hexadecimal digits; how many */
unsigned qipmi_bytes(const char *hex, uint8_t *buf, unsigned max);
/* The other way; free it */
char *qipmi_hex(const void *p, unsigned n);

/* Does a response match a pattern? */
bool qipmi_matches(const char *pattern, const uint8_t *p, unsigned n);

#define qipmi_expect(p, req, rsp) \
    qipmi_expect_at(p, req, rsp, __FILE__, __LINE__)
bool qipmi_expect_at(QIPMI *p, const char *req, const char *rsp,
                     const char *file, int line);

/* The response to a request that must succeed; its data as hex, free it */
char *qipmi_get(QIPMI *p, const char *req);

/* sec 13.8: the sum of all bytes and the checksum is 0 */
uint8_t qipmi_checksum(const uint8_t *p, unsigned n);

/*
 * A message in the format of a medium, as Send Message has it after the
 * channel, in hex; free it. @handle < 0: IPMB.
 */
char *qipmi_message(int handle, uint8_t rs, uint8_t netfn, uint8_t rs_lun,
                    uint8_t rq, uint8_t seq, uint8_t rq_lun, uint8_t cmd,
                    const char *data);

/* query-ipmi-bmcs: what it says of bmc @index; unref it */
QDict *qipmi_query(QTestState *qts, unsigned index);
int64_t qipmi_query_int(QTestState *qts, const char *member);

#endif

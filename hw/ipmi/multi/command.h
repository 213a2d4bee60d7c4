/*
 * IPMI BMC with many channels: requests, responses, tables of commands
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 5.
 *
 * Owns: the list of tables. What is wrong with any command's request is found
 * by ipmi_dispatch(); handlers see only those of the right length, with
 * reserved bits 0. To add a command: a handler and a row in a cmd-*.c file, a
 * row in tests/qtest/ipmi-commands-test.c, one in docs/specs/ipmi-bmc-multi.rst
 * (scripts/ipmi-command-tests.py notices what is missing).
 *
 * Called by system interfaces and by the bridge. Life: ipmi_commands_add() for
 * each table when types are registered; they are never taken away.
 */

#ifndef IPMI_MULTI_COMMAND_H
#define IPMI_MULTI_COMMAND_H

#include "numbers.h"

typedef struct IPMIBmcMulti IPMIBmcMulti;

/* Data of a request or response: bytes after command, or completion code */
#define IPMI_MULTI_MAX_DATA         296     /* of MAX_IPMI_MSG_SIZE */

/*
 * IPMIReq: a request, whatever way it came.
 */
typedef struct IPMIReq {
    uint8_t netfn;              /* even */
    uint8_t lun;
    uint8_t cmd;
    uint8_t chan;               /* real number of the channel that it came by */
    bool system;                /* that is a system interface */
    uint8_t priv;               /* IPMI_MULTI_PRIV_*; ADMIN on the system i/f */
    uint8_t src_addr;           /* requester: slave address or SWID; 0 on the */
    uint8_t src_lun;            /*   system interface */
    uint8_t src_seq;            /* its sequence number */
    uint8_t src_handle;         /* its session */
    const uint8_t *data;        /* after the command byte */
    unsigned len;               /* bytes of it */
} IPMIReq;

/*
 * ipmi_req_channel: a channel number of a request: Eh is that it came by.
 */
uint8_t ipmi_req_channel(const IPMIReq *req, uint8_t number);

/*
 * IPMIRsp: what a handler answers, besides the completion code.
 */
typedef struct IPMIRsp {
    uint8_t data[IPMI_MULTI_MAX_DATA];
    unsigned len;
    unsigned max;               /* what the interface can carry */
    bool overflow;              /* more was put than fits */
    bool none;                  /* there is no response at all */
} IPMIRsp;

/* Bytes that still fit. */
static inline unsigned ipmi_rsp_room(const IPMIRsp *rsp)
{
    return rsp->max - rsp->len;
}

/*
 * ipmi_rsp_bytes and relatives: append to a response, little endian. What does
 * not fit makes the dispatcher answer CAh instead (sec 5.2).
 */
void ipmi_rsp_bytes(IPMIRsp *rsp, const void *p, unsigned n);
void ipmi_rsp_u8(IPMIRsp *rsp, uint8_t val);
void ipmi_rsp_u16(IPMIRsp *rsp, uint16_t val);
void ipmi_rsp_u24(IPMIRsp *rsp, uint32_t val);
void ipmi_rsp_u32(IPMIRsp *rsp, uint32_t val);

/*
 * IPMIHandler: carry out a request whose length, reserved bits and privilege
 * are right. It decodes and checks all, and then acts.
 * Returns the completion code; @rsp counts only if that is 00h.
 */
typedef uint8_t IPMIHandler(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp);

/* Privilege levels in the rows of command tables */
#define USER                    IPMI_MULTI_PRIV_USER
#define OPER                    IPMI_MULTI_PRIV_OPERATOR
#define ADMIN                   IPMI_MULTI_PRIV_ADMIN

/* Flags of a command */
#define IPMI_CMD_SYS_ONLY   0x01    /* on the system interface only: D4h */

#define IPMI_CMD_RESERVED   4

typedef struct IPMICommand {
    uint8_t cmd;
    const char *name;           /* of the specification */
    uint16_t min, max;          /* bytes of data */
    uint8_t priv;               /* least level on a channel with sessions */
    uint8_t flags;
    IPMIHandler *handler;
    struct {
        uint8_t byte;           /* of the data */
        uint8_t mask;           /* bits that must be 0, if the byte is there */
    } reserved[IPMI_CMD_RESERVED];  /* entries with mask 0 are not used */
} IPMICommand;

/*
 * IPMICommandTable: the commands of a network function. Several tables may be
 * for the same one.
 */
typedef struct IPMICommandTable {
    uint8_t netfn;
    const IPMICommand *commands;
    unsigned n;
} IPMICommandTable;

#define IPMI_COMMAND_TABLE(_netfn, _commands) \
    { .netfn = (_netfn), .commands = (_commands), .n = ARRAY_SIZE(_commands) }

/*
 * ipmi_commands_add: @table lives for ever.
 * ipmi_find_command: NULL if there is none.
 */
void ipmi_commands_add(const IPMICommandTable *table);
const IPMICommand *ipmi_find_command(uint8_t netfn, uint8_t cmd);

/*
 * ipmi_dispatch: check and carry out a request. @rsp is initialised, except for
 * max, by this function; returns the completion code.
 */
uint8_t ipmi_dispatch(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp);

#endif

/*
 * /dev/ipmi0 for guest programs.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Thin wrappers of the ioctls of linux/ipmi.h, and a message as tests compare
 * it. Each receive has a time limit: a kernel that lost a message must not
 * hang the test.
 */
#ifndef RIG_IPMI_DEV_H
#define RIG_IPMI_DEV_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ipmi.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define IPMI_DEV_MAX 300
/* How long a message may be on its way, and how long none is proof of none */
#define IPMI_DEV_WAIT_MS 5000
#define IPMI_DEV_QUIET_MS 400
#define IPMI_DEV_DRIVER "/sys/bus/pci/drivers/ipmi_si"

typedef struct IpmiMessage {
    int type;                   /* IPMI_*_RECV_TYPE */
    struct ipmi_addr addr;
    long msgid;
    uint8_t netfn, cmd;
    unsigned len;
    uint8_t data[IPMI_DEV_MAX];
} IpmiMessage;

/* -1 if there is none; waits for the driver to finish its start. */
static inline int ipmi_dev_open(void)
{
    int tries, fd;

    for (tries = 0; tries < 100; tries++) {
        fd = open("/dev/ipmi0", O_RDWR | O_CLOEXEC);
        if (fd >= 0) {
            return fd;
        }
        usleep(100000);
    }
    return -1;
}

/* 0 or errno */
static inline int ipmi_dev_register(int fd, uint8_t netfn, uint8_t cmd,
                                    uint32_t channels)
{
    struct ipmi_cmdspec_chans spec = {
        .netfn = netfn, .cmd = cmd, .chans = channels,
    };

    return ioctl(fd, IPMICTL_REGISTER_FOR_CMD_CHANS, &spec) ? errno : 0;
}

static inline int ipmi_dev_unregister(int fd, uint8_t netfn, uint8_t cmd,
                                      uint32_t channels)
{
    struct ipmi_cmdspec_chans spec = {
        .netfn = netfn, .cmd = cmd, .chans = channels,
    };

    return ioctl(fd, IPMICTL_UNREGISTER_FOR_CMD_CHANS, &spec) ? errno : 0;
}

/* The call of before channels: all of them */
static inline int ipmi_dev_register_all(int fd, uint8_t netfn, uint8_t cmd)
{
    struct ipmi_cmdspec spec = { .netfn = netfn, .cmd = cmd };

    return ioctl(fd, IPMICTL_REGISTER_FOR_CMD, &spec) ? errno : 0;
}

static inline int ipmi_dev_send(int fd, void *addr, unsigned addr_len,
                                long msgid, uint8_t netfn, uint8_t cmd,
                                const uint8_t *data, unsigned len)
{
    struct ipmi_req req = {
        .addr = addr, .addr_len = addr_len, .msgid = msgid,
        .msg = {
            .netfn = netfn, .cmd = cmd, .data_len = len,
            .data = (unsigned char *)data,
        },
    };

    return ioctl(fd, IPMICTL_SEND_COMMAND, &req) ? errno : 0;
}

/* To the BMC itself */
static inline int ipmi_dev_send_bmc(int fd, long msgid, uint8_t netfn,
                                    uint8_t cmd, const uint8_t *data,
                                    unsigned len)
{
    struct ipmi_system_interface_addr addr = {
        .addr_type = IPMI_SYSTEM_INTERFACE_ADDR_TYPE,
        .channel = IPMI_BMC_CHANNEL,
    };

    return ipmi_dev_send(fd, &addr, sizeof(addr), msgid, netfn, cmd, data, len);
}

/* To the controller @slave on the IPMB that is @channel */
static inline int ipmi_dev_send_ipmb(int fd, unsigned channel, uint8_t slave,
                                     long msgid, uint8_t netfn, uint8_t cmd,
                                     const uint8_t *data, unsigned len)
{
    struct ipmi_ipmb_addr addr = {
        .addr_type = IPMI_IPMB_ADDR_TYPE, .channel = channel,
        .slave_addr = slave,
    };

    return ipmi_dev_send(fd, &addr, sizeof(addr), msgid, netfn, cmd, data, len);
}

/* Wait for a message; false if none comes in @ms. */
static inline bool ipmi_dev_receive(int fd, IpmiMessage *m, int ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    struct ipmi_recv recv = {
        .addr = (unsigned char *)&m->addr, .addr_len = sizeof(m->addr),
        .msg = { .data = m->data, .data_len = sizeof(m->data) },
    };

    memset(m, 0, sizeof(*m));
    if (poll(&p, 1, ms) != 1 ||
        ioctl(fd, IPMICTL_RECEIVE_MSG_TRUNC, &recv) < 0) {
        return false;
    }
    m->type = recv.recv_type;
    m->msgid = recv.msgid;
    m->netfn = recv.msg.netfn;
    m->cmd = recv.msg.cmd;
    m->len = recv.msg.data_len;
    return true;
}

static inline bool ipmi_dev_is_quiet(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return poll(&p, 1, IPMI_DEV_QUIET_MS) == 0;
}

/*
 * A request to the BMC and its answer: the completion code, or -1 if none came.
 * @rsp: up to *@rsp_len bytes after the completion code; may be NULL
 */
static inline int ipmi_dev_do(int fd, uint8_t netfn, uint8_t cmd,
                              const uint8_t *data, unsigned len, uint8_t *rsp,
                              unsigned *rsp_len)
{
    static long msgid = 1000;
    IpmiMessage m;

    msgid++;
    if (ipmi_dev_send_bmc(fd, msgid, netfn, cmd, data, len)) {
        return -1;
    }
    do {
        if (!ipmi_dev_receive(fd, &m, IPMI_DEV_WAIT_MS)) {
            return -1;
        }
    } while (m.type != IPMI_RESPONSE_RECV_TYPE || m.msgid != msgid);
    if (!m.len) {
        return -1;
    }
    if (rsp) {
        *rsp_len = m.len - 1 < *rsp_len ? m.len - 1 : *rsp_len;
        memcpy(rsp, m.data + 1, *rsp_len);
    }
    return m.data[0];
}

static inline void ipmi_dev_write(const char *name, const char *text)
{
    char path[64];
    int fd;

    snprintf(path, sizeof(path), IPMI_DEV_DRIVER "/%s", name);
    fd = open(path, O_WRONLY);
    /* Whether it worked is seen by what is there afterwards. */
    if (fd >= 0 && write(fd, text, strlen(text)) < 0) {
        printf("# %s of %s: %s\n", name, text, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
}

#define IPMI_DEV_INTERFACES 4

/* The PCI addresses of the interfaces that the driver has, in their order */
typedef struct IpmiInterfaces {
    unsigned n;
    char address[IPMI_DEV_INTERFACES][16];
} IpmiInterfaces;

static inline unsigned ipmi_dev_interfaces(IpmiInterfaces *found)
{
    struct dirent **names;
    int n = scandir(IPMI_DEV_DRIVER, &names, NULL, alphasort), i;

    found->n = 0;
    for (i = 0; i < n; i++) {
        if (strchr(names[i]->d_name, ':') && found->n < IPMI_DEV_INTERFACES) {
            snprintf(found->address[found->n++], sizeof(found->address[0]),
                     "%.15s", names[i]->d_name);
        }
        free(names[i]);
    }
    return found->n;
}

/* Take the driver off all of them. Nobody may have a /dev/ipmiN open. */
static inline unsigned ipmi_dev_unbind(IpmiInterfaces *found)
{
    unsigned i;

    ipmi_dev_interfaces(found);
    for (i = 0; i < found->n; i++) {
        ipmi_dev_write("unbind", found->address[i]);
    }
    return found->n;
}

static inline void ipmi_dev_bind(const IpmiInterfaces *interfaces)
{
    unsigned i;

    for (i = 0; i < interfaces->n; i++) {
        ipmi_dev_write("bind", interfaces->address[i]);
    }
}

#endif

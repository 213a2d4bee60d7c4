/*
 * IPMI BMC with many channels: a peer on a character device
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The framing is described in docs/specs/ipmi-bmc-multi.rst. In short, for each
 * message: a byte that says where it comes from, the message, and A0h; A0h,
 * A1h and AAh within are sent as AAh and the byte with bit 4 set.
 *
 * The machine never waits for a peer. What it does not read is kept as far as
 * OUT_SIZE goes; frames after that are lost, each as a whole.
 */

#include "qemu/osdep.h"
#include "chardev.h"
#include "qemu/log.h"
#include "qemu/units.h"
#include "trace.h"

#define FRAME_END       0xa0
#define FRAME_RESERVED  0xa1
#define FRAME_ESCAPE    0xaa
#define ESCAPE_BIT      0x10

#define OUT_SIZE        (16 * KiB)

typedef struct IPMIChardev {
    bool open;
    bool escaped;
    bool overlong;              /* wait for the end of this one */
    unsigned len;
    uint8_t frame[1 + IPMI_MESSAGE_MAX];
    guint watch;                /* for a peer that reads again, or 0 */
    unsigned out_len;
    uint8_t out[OUT_SIZE];      /* what it has not read yet */
} IPMIChardev;

static void frame_complete(IPMIChannel *c)
{
    IPMIChardev *p = c->chardev;
    uint8_t priv = p->frame[0];

    if (p->overlong || p->len < 2 || priv > IPMI_MULTI_PRIV_OEM) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: channel 0x%x: the peer's frame of "
                      "%u bytes is none\n", ipmi_bmc_name(c->bmc), c->number,
                      p->len);
        ipmi_channel_malformed(c, p->len);
    } else {
        ipmi_channel_receive_bytes(c, priv, p->frame + 1, p->len - 1);
    }
    p->len = 0;
    p->escaped = false;
    p->overlong = false;
}

static void take_byte(IPMIChannel *c, uint8_t byte)
{
    IPMIChardev *p = c->chardev;

    if (byte == FRAME_END) {
        frame_complete(c);
        return;
    }
    if (byte == FRAME_ESCAPE) {
        p->escaped = true;
        return;
    }
    if (p->escaped) {
        byte &= ~ESCAPE_BIT;
        p->escaped = false;
    }
    if (p->len == sizeof(p->frame)) {
        p->overlong = true;
    } else {
        p->frame[p->len++] = byte;
    }
}

static int chardev_can_read(void *opaque)
{
    return 256;
}

static void chardev_read(void *opaque, const uint8_t *buf, int size)
{
    int i;

    for (i = 0; i < size; i++) {
        take_byte(opaque, buf[i]);
    }
}

static void forget_output(IPMIChardev *p)
{
    g_clear_handle_id(&p->watch, g_source_remove);
    p->out_len = 0;
}

static void chardev_event(void *opaque, QEMUChrEvent event)
{
    IPMIChannel *c = opaque;

    switch (event) {
    case CHR_EVENT_OPENED:
        c->chardev->open = true;
        break;
    case CHR_EVENT_CLOSED:
        c->chardev->open = false;
        break;
    default:
        return;
    }
    c->chardev->len = 0;
    c->chardev->escaped = false;
    c->chardev->overlong = false;
    forget_output(c->chardev);
}

bool ipmi_chardev_is_open(IPMIChannel *c)
{
    return c->chardev && c->chardev->open;
}

static unsigned put(uint8_t *out, uint8_t byte)
{
    if (byte == FRAME_END || byte == FRAME_RESERVED || byte == FRAME_ESCAPE) {
        out[0] = FRAME_ESCAPE;
        out[1] = byte | ESCAPE_BIT;
        return 2;
    }
    out[0] = byte;
    return 1;
}

static gboolean peer_reads(void *do_not_use, GIOCondition cond, void *opaque);

/* As much as the peer takes. Its end of the line may break meanwhile. */
static void write_output(IPMIChannel *c)
{
    IPMIChardev *p = c->chardev;
    int n = qemu_chr_fe_write(&c->chr, p->out, p->out_len);

    if (n > 0 && p->open) {
        p->out_len -= n;
        memmove(p->out, p->out + n, p->out_len);
    }
    if (p->out_len && !p->watch) {
        p->watch = qemu_chr_fe_add_watch(&c->chr, G_IO_OUT | G_IO_HUP,
                                         peer_reads, c);
    }
}

static gboolean peer_reads(void *do_not_use, GIOCondition cond, void *opaque)
{
    IPMIChannel *c = opaque;

    c->chardev->watch = 0;
    write_output(c);
    return G_SOURCE_REMOVE;
}

void ipmi_chardev_send(IPMIChannel *c, uint8_t from, const uint8_t *data,
                       unsigned len)
{
    uint8_t out[2 * (1 + IPMI_MESSAGE_MAX) + 1];
    IPMIChardev *p = c->chardev;
    unsigned i, n;

    if (!ipmi_chardev_is_open(c)) {
        return;
    }
    n = put(out, from);
    for (i = 0; i < len; i++) {
        n += put(out + n, data[i]);
    }
    out[n++] = FRAME_END;
    if (n > OUT_SIZE - p->out_len) {
        trace_ipmi_channel_deaf(ipmi_bmc_name(c->bmc), c->number, len);
        ipmi_channel_chan(c)->n_dropped++;
        return;
    }
    memcpy(p->out + p->out_len, out, n);
    p->out_len += n;
    write_output(c);
}

void ipmi_chardev_init(IPMIChannel *c)
{
    if (!qemu_chr_fe_backend_connected(&c->chr)) {
        return;
    }
    c->chardev = g_new0(IPMIChardev, 1);
    qemu_chr_fe_set_handlers(&c->chr, chardev_can_read, chardev_read,
                             chardev_event, NULL, c, NULL, true);
}

void ipmi_chardev_exit(IPMIChannel *c)
{
    if (c->chardev) {
        forget_output(c->chardev);
    }
    qemu_chr_fe_deinit(&c->chr, false);
    g_clear_pointer(&c->chardev, g_free);
}

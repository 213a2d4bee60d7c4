/*
 * A random guest and random peers of an ipmi-bmc-multi: chardevs
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The framing: docs/system/devices/ipmi-bmc-multi.rst. What goes to QEMU has
 * been read by it before anything else happens, so a seed does the same each
 * time. What comes from QEMU has to be well formed, whatever went there. Who
 * waits here waits without a limit: the test's guard has one.
 */
#include "qemu/osdep.h"
#include <sys/ioctl.h>
#include <sys/un.h>
#include <linux/sockios.h>
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "ipmi-fuzz.h"

#define END         0xa0
#define RESERVED    0xa1
#define ESCAPE      0xaa
#define ESCAPE_BIT  0x10

#define BMC_ADDRESS 0x20
/* So often QEMU answers and takes nothing: it has stopped reading. */
#define ANSWERS     200
#define NAP_US      200
/* More than QEMU can get rid of while nobody reads */
#define FLOOD       600

/* Two IPMBs, two media with sessions, one without a format */
static const unsigned channels[FUZZ_PEERS] = { 0, 1, 2, 4, 6 };

static char *socket_path(Fuzz *f, FuzzPeer *p)
{
    return g_strdup_printf("%s/channel%u", f->files.dir, p->chan);
}

char *fuzz_peers_init(Fuzz *f)
{
    GString *s = g_string_new(NULL);
    unsigned i;

    for (i = 0; i < FUZZ_PEERS; i++) {
        FuzzPeer *p = &f->peer[i];
        g_autofree char *path = NULL;

        *p = (FuzzPeer) {
            .chan = channels[i], .fd = -1, .frame = g_byte_array_new(),
            .last = g_byte_array_new(),
        };
        path = socket_path(f, p);
        g_string_append_printf(s, "-chardev socket,id=peer%u,path=%s,server=on,"
                               "wait=off ", p->chan, path);
    }
    return g_string_free(s, false);
}

/*
 * From QEMU
 */

static void message_came(Fuzz *f, FuzzPeer *p)
{
    FuzzMedium medium = fuzz_medium(p->chan);
    g_autofree char *hex = qipmi_hex(p->frame->data, p->frame->len);

    if (p->frame->len < 2 || p->frame->data[0] > 15 ||
        !fuzz_is_sealed(medium, p->frame->data + 1, p->frame->len - 1)) {
        g_test_message("channel %u: the peer was sent %s", p->chan, hex);
        g_assert_not_reached();
    }
    g_byte_array_set_size(p->last, 0);
    g_byte_array_append(p->last, p->frame->data + 1, p->frame->len - 1);
    p->frames++;
}

static void byte_came(Fuzz *f, FuzzPeer *p, uint8_t byte)
{
    g_assert_cmphex(byte, !=, RESERVED);
    if (byte == END) {
        g_assert_false(p->escaped);
        message_came(f, p);
        g_byte_array_set_size(p->frame, 0);
    } else if (byte == ESCAPE) {
        g_assert_false(p->escaped);
        p->escaped = true;
    } else {
        byte = p->escaped ? byte & ~ESCAPE_BIT : byte;
        p->escaped = false;
        g_byte_array_append(p->frame, &byte, 1);
    }
}

static void listen_to(Fuzz *f, FuzzPeer *p)
{
    uint8_t buf[4096];
    ssize_t i, n;

    while (p->fd >= 0 &&
           (n = recv(p->fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
        for (i = 0; i < n; i++) {
            byte_came(f, p, buf[i]);
        }
    }
}

/*
 * Connection
 */

static bool is_connected(Fuzz *f, FuzzPeer *p)
{
    QDict *rsp = qtest_qmp(f->qts, "{ 'execute': 'query-chardev' }");
    g_autofree char *label = g_strdup_printf("peer%u", p->chan);
    bool connected = false;
    QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(rsp, "return"), e) {
        QDict *d = qobject_to(QDict, qlist_entry_obj(e));

        if (g_str_equal(qdict_get_str(d, "label"), label)) {
            connected = !g_str_has_prefix(qdict_get_str(d, "filename"),
                                          "disconnected:");
        }
    }
    qobject_unref(rsp);
    return connected;
}

static void wait_connected(Fuzz *f, FuzzPeer *p, bool connected)
{
    while (is_connected(f, p) != connected) {
        g_usleep(NAP_US);
    }
}

static void connect_peer(Fuzz *f, FuzzPeer *p)
{
    g_autofree char *path = socket_path(f, p);
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    fuzz_log("channel %u: the peer comes", p->chan);
    g_assert_cmpuint(strlen(path), <, sizeof(addr.sun_path));
    strcpy(addr.sun_path, path);
    p->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    g_assert_cmpint(p->fd, >=, 0);
    g_assert_cmpint(connect(p->fd, (struct sockaddr *)&addr, sizeof(addr)), ==,
                    0);
    p->deaf = false;
    p->escaped = false;
    g_byte_array_set_size(p->frame, 0);
    wait_connected(f, p, true);
}

static void disconnect_peer(Fuzz *f, FuzzPeer *p)
{
    fuzz_log("channel %u: the peer goes", p->chan);
    close(p->fd);
    p->fd = -1;
    wait_connected(f, p, false);
}

void fuzz_peers_close(Fuzz *f)
{
    unsigned i;

    for (i = 0; i < FUZZ_PEERS; i++) {
        g_autofree char *path = socket_path(f, &f->peer[i]);

        if (f->peer[i].fd >= 0) {
            close(f->peer[i].fd);
        }
        unlink(path);
        g_byte_array_unref(f->peer[i].frame);
        g_byte_array_unref(f->peer[i].last);
    }
}

/*
 * To QEMU
 */

static unsigned unread(FuzzPeer *p)
{
    int n = 0;

    g_assert_cmpint(ioctl(p->fd, SIOCOUTQ, &n), ==, 0);
    return n;
}

/*
 * Give QEMU all of it. If it stops reading because its peer is deaf, so be it;
 * but the machine has to go on.
 */
static void say(Fuzz *f, FuzzPeer *p, const uint8_t *data, unsigned n)
{
    unsigned answers = 0, left = 0;
    ssize_t done;

    while (n || unread(p)) {
        done = send(p->fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done > 0) {
            data += done;
            n -= done;
            continue;
        }
        answers = unread(p) == left ? answers + 1 : 0;
        left = unread(p);
        qipmi_in(&f->port[0], QKCS_STATUS);
        if (answers > ANSWERS) {
            p->deaf = false;
        }
        if (!p->deaf) {
            listen_to(f, p);
        }
    }
}

static void add_escaped(GByteArray *out, uint8_t byte)
{
    static const uint8_t escape = ESCAPE;

    if (byte == END || byte == RESERVED || byte == ESCAPE) {
        g_byte_array_append(out, &escape, 1);
        byte |= ESCAPE_BIT;
    }
    g_byte_array_append(out, &byte, 1);
}

static void add_frame(GByteArray *out, uint8_t priv, const uint8_t *msg,
                      unsigned n)
{
    static const uint8_t end = END;
    unsigned i;

    add_escaped(out, priv);
    for (i = 0; i < n; i++) {
        add_escaped(out, msg[i]);
    }
    g_byte_array_append(out, &end, 1);
}

static void add_any_frame(Fuzz *f, FuzzPeer *p, GByteArray *out)
{
    uint8_t msg[QIPMI_MAX];
    unsigned n = fuzz_message(f, fuzz_medium(p->chan), false, msg);

    add_frame(out, fuzz_pick(f, 8) ? fuzz_pick(f, 6) : fuzz_byte(f), msg, n);
}

/* Bytes that may be anything between frames, or within one */
static void add_noise(Fuzz *f, GByteArray *out)
{
    static const uint8_t special[] = { END, RESERVED, ESCAPE, 0xb0, 0x04 };
    unsigned n = 1 + fuzz_pick(f, fuzz_pick(f, 16) ? 12 : 700);
    uint8_t byte;

    while (n--) {
        byte = fuzz_pick(f, 2) ? special[fuzz_pick(f, ARRAY_SIZE(special))] :
                                 fuzz_byte(f);
        g_byte_array_append(out, &byte, 1);
    }
}

/* A request that went out to it gets its response, right or nearly so. */
static void add_answer(Fuzz *f, FuzzPeer *p, GByteArray *out)
{
    FuzzMedium medium = fuzz_medium(p->chan);
    unsigned at = medium == FUZZ_SESSION ? 1 : 0, n = p->last->len;
    uint8_t msg[QIPMI_MAX], address;

    if (medium == FUZZ_OPAQUE || n < at + 7 || n > sizeof(msg)) {
        return;
    }
    memcpy(msg, p->last->data, n);
    address = msg[at];
    msg[at] = msg[at + 3];
    msg[at + 3] = address;
    msg[at + 1] = (msg[at + 1] | 4) & ~3;
    if (!fuzz_pick(f, 4)) {
        msg[fuzz_pick(f, n)] = fuzz_byte(f);
    }
    fuzz_seal(medium, msg, n);
    add_frame(out, 4, msg, n);
}

static void flood(Fuzz *f, FuzzPeer *p, GByteArray *out)
{
    static const uint8_t ipmb[] = {
        BMC_ADDRESS, 0x18, 0xc8, 0x81, 0x04, 0x01, 0x7a,
    };
    static const uint8_t session[] = {
        7, BMC_ADDRESS, 0x18, 0xc8, 0x81, 0x04, 0x01, 0x7a,
    };
    bool handle = fuzz_medium(p->chan) == FUZZ_SESSION;
    unsigned n = fuzz_pick(f, FLOOD);

    p->deaf = fuzz_pick(f, 2);
    fuzz_log("channel %u: a flood of %u requests%s", p->chan, n,
             p->deaf ? ", by one who is deaf" : "");
    while (n--) {
        add_frame(out, 4, handle ? session : ipmb,
                  handle ? sizeof(session) : sizeof(ipmb));
    }
}

static void say_something(Fuzz *f, FuzzPeer *p)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    unsigned i, n = 1 + fuzz_pick(f, 6);

    if (!fuzz_pick(f, 40)) {
        flood(f, p, out);
    }
    for (i = 0; i < n; i++) {
        switch (fuzz_pick(f, 8)) {
        case 0:
            add_noise(f, out);
            break;
        case 1:
            add_answer(f, p, out);
            break;
        default:
            add_any_frame(f, p, out);
            break;
        }
    }
    if (!fuzz_pick(f, 4) && out->len) {
        g_byte_array_set_size(out, fuzz_pick(f, out->len));
    }
    fuzz_log("channel %u: the peer says %u bytes", p->chan, out->len);
    say(f, p, out->data, out->len);
}

void fuzz_peer(Fuzz *f)
{
    FuzzPeer *p = &f->peer[fuzz_pick(f, FUZZ_PEERS)];

    if (p->fd < 0) {
        connect_peer(f, p);
    }
    say_something(f, p);
    if (!p->deaf) {
        listen_to(f, p);
    }
    if (!fuzz_pick(f, 12)) {
        disconnect_peer(f, p);
    }
}

/* Nobody can take peer 0 its right to talk: an IPMB has no access settings. */
void fuzz_peer_check(Fuzz *f)
{
    uint8_t msg[] = { BMC_ADDRESS, 0x18, 0, 0x81, 0, 0x01, 0 };
    g_autoptr(GByteArray) out = g_byte_array_new();
    FuzzPeer *p = &f->peer[0];

    if (p->fd < 0) {
        connect_peer(f, p);
    }
    p->deaf = false;
    listen_to(f, p);
    msg[4] = fuzz_pick(f, 64) << 2;
    fuzz_seal(FUZZ_IPMB, msg, sizeof(msg));
    add_frame(out, 0, (uint8_t[]) { 0 }, 0);    /* ends what was begun */
    add_frame(out, 0, msg, sizeof(msg));
    say(f, p, out->data, out->len);
    do {
        fuzz_query(f);
        listen_to(f, p);
    } while (p->last->len < 8 || p->last->data[4] != msg[4] ||
             p->last->data[1] != 0x1c || p->last->data[5] != 0x01 ||
             p->last->data[6] != 0);
}

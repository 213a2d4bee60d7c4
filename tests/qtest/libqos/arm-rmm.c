/*
 * A host of the Realm Management Monitor, for qtests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include <sys/socket.h>
#include <sys/un.h>
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "qobject/qnum.h"
#include "arm-rmm.h"

/* The machines of the last rmm_start(), for the next that wants the same */
typedef struct Kept {
    char *key;
    QTestState *qts;
    int fd;
    unsigned used;
} Kept;

static Kept kept[3];

static void quit_one(Kept *k)
{
    if (k->qts) {
        qtest_quit(k->qts);
    }
    g_free(k->key);
    memset(k, 0, sizeof(*k));
}

static void quit_kept(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(kept); i++) {
        quit_one(&kept[i]);
    }
}

/* The one with this key, or else the one that was not used for longest */
static Kept *find_kept(const char *key)
{
    static unsigned uses;
    Kept *found = &kept[0];

    for (unsigned i = 0; i < ARRAY_SIZE(kept); i++) {
        if (!g_strcmp0(kept[i].key, key)) {
            found = &kept[i];
            break;
        }
        if (kept[i].used < found->used) {
            found = &kept[i];
        }
    }
    if (!uses++) {
        atexit(quit_kept);
    }
    found->used = uses;
    return found;
}

static bool is_kept(QTestState *qts)
{
    for (unsigned i = 0; i < ARRAY_SIZE(kept); i++) {
        if (kept[i].qts == qts) {
            return true;
        }
    }
    return false;
}

/* How often a list of query-rmm-findings has something */
static uint64_t count_of(QDict *findings, const char *kind)
{
    QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(findings, "return"), e) {
        QDict *d = qobject_to(QDict, qlist_entry_obj(e));

        if (g_str_equal(qdict_get_str(d, "kind"), kind)) {
            return qdict_get_int(d, "count");
        }
    }
    return 0;
}

/*
 * libqtest has no function for a command of one's own, and QMP takes a system
 * call for each byte. So "smc" goes to the socket of the qtest connection,
 * which is found by its name; if it is not, QMP does.
 */
#define MAX_FDS 256

static bool is_qtest_socket(int fd)
{
    g_autofree char *want = g_strdup_printf("/qtest-%d.sock", getpid());
    struct sockaddr_un un = { };
    socklen_t len = sizeof(un) - 1;

    return getsockname(fd, (struct sockaddr *)&un, &len) == 0 &&
           un.sun_family == AF_UNIX && g_str_has_suffix(un.sun_path, want);
}

void rmm_start_args(RmmHost *h, const char *abi, const char *more,
                    const char *args)
{
    bool old[MAX_FDS];

    for (int fd = 0; fd < MAX_FDS; fd++) {
        old[fd] = is_qtest_socket(fd);
    }
    memset(h, 0, sizeof(*h));
    h->abi = abi;
    h->fd = -1;
    h->qts = qtest_initf("-M virt,virtualization=on,secure=on,gic-version=3 "
                         "-accel tcg -S -cpu max,x-rme=on -m 256M -smp 2 "
                         "-nodefaults -device arm-rmm,abi=%s%s %s", abi, more,
                         args);
    for (int fd = 0; fd < MAX_FDS && h->fd < 0; fd++) {
        h->fd = !old[fd] && is_qtest_socket(fd) ? fd : -1;
    }
}

/*
 * A machine costs more than a test. One that is reset is as good as a new one,
 * but for its script and its findings.
 */
void rmm_start_with(RmmHost *h, const char *abi, const char *more,
                    const char *args)
{
    g_autofree char *key = g_strdup_printf("%s%s %s", abi, more, args);
    Kept *k = find_kept(key);

    if (!k->key || !g_str_equal(key, k->key)) {
        unsigned used = k->used;

        quit_one(k);
        rmm_start_args(h, abi, more, args);
        *k = (Kept) { g_steal_pointer(&key), h->qts, h->fd, used };
        return;
    }
    memset(h, 0, sizeof(*h));
    h->abi = abi;
    h->qts = k->qts;
    h->fd = k->fd;
    qtest_system_reset(h->qts);
    rmm_script(h, "{ \"rules\": [] }");
    qtest_memset(h->qts, NS_BASE, 0, 64 * PAGE);
    h->before = qtest_qmp(h->qts, "{ 'execute': 'query-rmm-findings' }");
}

void rmm_start(RmmHost *h, const char *abi, const char *more)
{
    rmm_start_with(h, abi, more, "");
}

void rmm_stop(RmmHost *h)
{
    qobject_unref(h->before);
    if (!is_kept(h->qts)) {
        qtest_quit(h->qts);
    }
}

static void call_by_socket(RmmHost *h, int cpu, const uint64_t x[8])
{
    g_autoptr(GString) line = g_string_new(NULL);
    char buf[512];
    char *next;

    g_string_printf(line, "smc %d", cpu);
    for (unsigned i = 0; i < 8; i++) {
        g_string_append_printf(line, " 0x%" PRIx64, x[i]);
    }
    g_string_append_c(line, '\n');
    g_assert_cmpint(send(h->fd, line->str, line->len, 0), ==, line->len);
    g_string_truncate(line, 0);
    do {
        ssize_t n = RETRY_ON_EINTR(recv(h->fd, buf, sizeof(buf), 0));

        g_assert_cmpint(n, >, 0);
        g_string_append_len(line, buf, n);
    } while (line->str[line->len - 1] != '\n');
    g_assert_true(g_str_has_prefix(line->str, "OK "));
    next = line->str + 2;
    for (unsigned i = 0; i < ARRAY_SIZE(h->x); i++) {
        h->x[i] = g_ascii_strtoull(next, &next, 0);
    }
}

static void call_by_qmp(RmmHost *h, int cpu, const uint64_t x[8])
{
    QDict *answer = qtest_qmp(h->qts,
        "{ 'execute': 'x-arm-rmm-call', 'arguments': { 'cpu': %d,"
        "  'registers': [ %" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64
        ", %" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64 " ] } }", cpu,
        x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]);
    QListEntry *e;
    unsigned n = 0;

    g_assert_true(qdict_haskey(answer, "return"));
    QLIST_FOREACH_ENTRY(qdict_get_qlist(qdict_get_qdict(answer, "return"),
                                        "registers"), e) {
        g_assert_cmpuint(n, <, 18);
        h->x[n++] = qnum_get_uint(qobject_to(QNum, qlist_entry_obj(e)));
    }
    qobject_unref(answer);
}

/* Every unused input is junk: no RMM may look at it. */
uint64_t rmm_smc(RmmHost *h, int cpu, unsigned num, const uint64_t in[6])
{
    uint64_t x[8] = { 0xc4000000u | num, in[0], in[1], in[2], in[3], in[4],
                      in[5], 7777 };

    if (h->fd > 0) {
        call_by_socket(h, cpu, x);
    } else {
        call_by_qmp(h, cpu, x);
    }
    /* X5 to X7 are nobody's output. */
    g_assert_cmphex(h->x[5], ==, in[4]);
    g_assert_cmphex(h->x[6], ==, in[5]);
    g_assert_cmphex(h->x[7], ==, 7777);
    return h->x[0];
}

void rmm_active(RmmHost *h)
{
    qtest_memset(h->qts, NS_BASE, 0, 64 * PAGE);
    g_assert_cmphex(R(h, R_CONFIG_SET, CONFIG), ==, OK);
    g_assert_cmphex(R(h, R_ACTIVATE), ==, OK);
}

static void whole_range(RmmHost *h, unsigned num, uint64_t base,
                        uint64_t pages)
{
    uint64_t top = base + pages * PAGE;

    while (base < top) {
        g_assert_cmphex(R(h, num, base, top), ==, OK);
        g_assert_cmphex(h->x[1], >, base);
        g_assert_cmphex(h->x[1], <=, top);
        base = h->x[1];
    }
}

void rmm_delegate(RmmHost *h, uint64_t base, uint64_t pages)
{
    whole_range(h, R_DELEGATE, base, pages);
}

void rmm_undelegate(RmmHost *h, uint64_t base, uint64_t pages)
{
    whole_range(h, R_UNDELEGATE, base, pages);
}

void rmm_params(RmmHost *h, uint64_t rtt)
{
    qtest_memset(h->qts, PARAMS, 0, PAGE);
    qtest_writeq(h->qts, PARAMS + 0x008, 40);
    qtest_writeq(h->qts, PARAMS + 0x018, 1);
    qtest_writeq(h->qts, PARAMS + 0x020, 1);
    qtest_writeq(h->qts, PARAMS + 0x808, rtt);
    qtest_writeq(h->qts, PARAMS + 0x810, 1);
    qtest_writeq(h->qts, PARAMS + 0x818, 2);
}

void rmm_realm(RmmHost *h, uint64_t rd, uint64_t rtt)
{
    rmm_delegate(h, rd, 1);
    rmm_delegate(h, rtt, 2);
    rmm_params(h, rtt);
    g_assert_cmphex(R(h, R_REALM_CREATE, rd, PARAMS), ==, OK);
}

uint64_t rmm_desc(RmmHost *h, uint64_t base, unsigned size, unsigned count,
                  unsigned state)
{
    unsigned shift = g_str_equal(h->abi, "bet3") ? 62 : 63;

    return base | size | (uint64_t)count << 2 | (uint64_t)state << shift;
}

void rmm_list(RmmHost *h, unsigned first, uint64_t base, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        qtest_writeq(h->qts, LIST + (first + i) * 8,
                     rmm_desc(h, base + i * PAGE, 0, 1, 0));
    }
}

uint64_t rmm_rec_begin(RmmHost *h, uint64_t rd, uint64_t rec, unsigned index)
{
    qtest_memset(h->qts, REC_PARAMS, 0, PAGE);
    qtest_writeq(h->qts, REC_PARAMS, 1);
    qtest_writeq(h->qts, REC_PARAMS + 0x100, index);
    return R(h, R_REC_CREATE, rd, rec, REC_PARAMS);
}

void rmm_rec(RmmHost *h, uint64_t rd, uint64_t rec, unsigned index)
{
    uint64_t handle;

    rmm_delegate(h, rec, 17);
    g_assert_cmphex(rmm_rec_begin(h, rd, rec, index) & ~CANCELLABLE, ==,
                    WANT_DONATE);
    handle = h->x[1];
    rmm_list(h, 0, rec + PAGE, 16);
    g_assert_cmphex(R(h, R_DONATE, handle, LIST, 16, 0) & ~CANCELLABLE, ==,
                    INCOMPLETE);
    g_assert_cmphex(R(h, R_CONTINUE, handle, 0), ==, OK);
}

void rmm_script(RmmHost *h, const char *json)
{
    QObject *script = qobject_from_json(json, &error_abort);

    qtest_qmp_assert_success(h->qts, "{ 'execute': 'arm-rmm-set-script',"
                             " 'arguments': { 'script': %p } }", script);
}

void rmm_granule_is(RmmHost *h, uint64_t pa, const char *state,
                    const char *pas)
{
    QDict *g = qtest_qmp_assert_success_ref(h->qts,
        "{ 'execute': 'query-rmm-granule', 'arguments': { 'address': %" PRIu64
        " } }", pa);

    g_assert_cmpstr(qdict_get_str(g, "state"), ==, state);
    g_assert_cmpstr(qdict_get_str(g, "pas"), ==, pas);
    qobject_unref(g);
}

uint64_t rmm_count(RmmHost *h, const char *state)
{
    QDict *info = qtest_qmp_assert_success_ref(h->qts,
                                               "{ 'execute': 'query-rmm' }");
    uint64_t count = UINT64_MAX;
    QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(info, "granules"), e) {
        QDict *d = qobject_to(QDict, qlist_entry_obj(e));

        if (g_str_equal(qdict_get_str(d, "state"), state)) {
            count = qdict_get_int(d, "count");
        }
    }
    qobject_unref(info);
    return count;
}

uint64_t rmm_found(RmmHost *h, const char *kind)
{
    QDict *now = qtest_qmp(h->qts, "{ 'execute': 'query-rmm-findings' }");
    uint64_t count = count_of(now, kind);

    qobject_unref(now);
    return count - (h->before ? count_of(h->before, kind) : 0);
}

char *rmm_rim(RmmHost *h, uint64_t rd)
{
    QDict *info = qtest_qmp_assert_success_ref(h->qts,
                                               "{ 'execute': 'query-rmm' }");
    char *rim = NULL;
    QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(info, "realms"), e) {
        QDict *d = qobject_to(QDict, qlist_entry_obj(e));

        if (qnum_get_uint(qobject_to(QNum, qdict_get(d, "rd"))) == rd) {
            rim = g_strdup(qdict_get_str(d, "rim"));
        }
    }
    qobject_unref(info);
    return rim;
}

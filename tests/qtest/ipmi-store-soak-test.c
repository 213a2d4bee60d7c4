/*
 * What ipmi-bmc-multi keeps on its drive: killed at every write, failing
 * writes, drives that it refuses, snapshots, migration
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: docs/specs/ipmi-bmc-store.rst
 *
 * QEMU's blklogwrites driver notes every write. From the beginning of that log
 * comes the drive as a QEMU leaves it that was killed at this place, or in the
 * middle of the next write. A BMC on that drive must have the state that was
 * acknowledged last, or the one after it; nothing else.
 *
 * With RIG_SOAK set, every such drive is tried; otherwise one in ten.
 */
#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "libqos/ipmi-port.h"
#include "libqos/pcie-fabric-vmstate.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "qobject/qdict.h"

#define DRIVE_SIZE      (2 * MiB)
#define SECTOR          512
#define SECOND_NS       1000000000LL

/* A directory with the drive, the log of its writes, and a drive to try */
typedef struct Files {
    char *dir, *drive, *log, *copy;
} Files;

static void files_open(Files *f)
{
    g_autoptr(GError) error = NULL;
    g_autofree uint8_t *zero = g_malloc0(DRIVE_SIZE);

    f->dir = g_dir_make_tmp("qemu-rig-XXXXXX", &error);
    g_assert_no_error(error);
    f->drive = g_build_filename(f->dir, "drive", NULL);
    f->log = g_build_filename(f->dir, "log", NULL);
    f->copy = g_build_filename(f->dir, "copy", NULL);
    g_assert_true(g_file_set_contents(f->drive, (char *)zero, DRIVE_SIZE,
                                      NULL));
    g_assert_true(g_file_set_contents(f->log, "", 0, NULL));
}

static void files_close(Files *f)
{
    g_unlink(f->drive);
    g_unlink(f->log);
    g_unlink(f->copy);
    g_rmdir(f->dir);
    g_free(f->dir);
    g_free(f->drive);
    g_free(f->log);
    g_free(f->copy);
}

#define BMC "-device ipmi-bmc-multi,id=bmc0,sel-time=1700000000,drive=d0 "
#define CHANNEL "-device ipmi-channel,bmc=bmc0,number=1,medium=lan "

static QTestState *boot(QIPMI *p, const char *blockdev, const char *more)
{
    g_autofree char *args = g_strconcat(blockdev, " " BMC CHANNEL QIPMI_KCS,
                                        more, NULL);
    QTestState *qts = qipmi_boot(args);

    qipmi_open(p, qts, QIPMI_KCS_SLOT);
    return qts;
}

/* The host does not crash, so it need not flush. */
static QTestState *boot_file(QIPMI *p, const char *file)
{
    g_autofree char *bd = g_strdup_printf("-blockdev driver=raw,node-name=d0,"
        "file.driver=file,file.cache.no-flush=on,file.filename=%s", file);

    return boot(p, bd, "");
}

/*
 * State: answers to these requests, and the records of the SEL
 */
static const char *const reads[] = {
    "0a 40",                    /* SEL: records, room, times */
    "0a 20",                    /* SDR repository: the same */
    "0a 23 00 00 ff ff 00 ff",  /* last SDR */
    "0a 11 00 00 00 60", "0a 11 03 c0 07 40",   /* FRU 0, end of FRU 3 */
    "0c 02 01 03 00 00", "0c 02 01 12 01 00", "0c 22 01 03 00 00",
    "06 59 00 02 01 00",
    "00 01", "00 09 05 00 00",  /* power restore policy, boot flags */
    "0a 5c", "2c 06 dc 00 10", "2c 09 dc 00 10",
    "06 46 03", "06 44 01 03", "06 41 01 40",   /* user, channel access */
};

static char *state(QIPMI *p)
{
    GString *all = g_string_new("");
    uint16_t id = 0;
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(reads); i++) {
        g_autofree char *answer = qipmi_get(p, reads[i]);

        g_string_append_printf(all, "%s: %s\n", reads[i], answer);
    }
    for (i = 0; id != 0xffff && i < 1000; i++) {
        uint8_t req[6] = { 0, 0, id, id >> 8, 0, 0xff };
        g_autofree char *hex = NULL;
        QIPMIRsp rsp;

        if (qipmi_cmd(p, 0x0a, 0x43, req, sizeof(req), &rsp)) {
            break;              /* it is empty */
        }
        hex = qipmi_hex(rsp.data, rsp.len);
        g_string_append_printf(all, "%s\n", hex);
        id = lduw_le_p(rsp.data);
    }
    return g_string_free(all, false);
}

/*
 * Changes: "@@" is the reservation that the first request returns
 */
typedef struct Change {
    const char *reserve, *request;
} Change;

#define EVENT "00 00 02 00 00 00 00 20 00 04 01 01 59 "
#define SDR "00 00 51 c0 04 ff 00 00 "

static const Change changes[] = {
    { NULL, "0a 44 " EVENT "01 00 00" },
    { NULL, "0a 44 " EVENT "02 00 00" },
    { NULL, "0a 44 00 00 e0 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d" },
    { "0a 42", "0a 46 @@ 02 00" },
    { NULL, "04 02 41 04 01 01 59 00 00 00" },
    { NULL, "0a 12 00 08 00 11 22 33 44 55 66 77" },
    { NULL, "0a 12 03 f0 07 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f" },
    { NULL, "0c 01 01 03 0a 01 02 03" },
    { NULL, "0c 01 01 12 01 00 05 03" },
    { NULL, "0c 21 01 03 0c 40" },
    { NULL, "06 58 02 01 72 69 67" },
    { NULL, "00 06 02" },
    { NULL, "00 08 05 c0 08 00 00 00" },
    { NULL, "0a 5d 3c 00" },
    { NULL, "2c 08 dc 00 03 41 42 43" },
    { NULL, "2c 0a dc 00 03 61 62 00" },
    { NULL, "06 45 03 66 72 65 64 00 00 00 00 00 00 00 00 00 00 00 00" },
    { NULL, "06 43 91 03 04" },
    { NULL, "06 40 01 62 43" },
    { NULL, "0a 24 " SDR "01" },
    { "0a 22", "0a 26 @@ ff ff" },
    { NULL, "0a 24 " SDR "02" },
    { "0a 42", "0a 47 @@ 43 4c 52 aa" },
    { NULL, "0a 44 " EVENT "03 00 00" },
};

static char *change_request(QIPMI *p, const Change *c)
{
    g_autofree char *id = NULL;
    g_auto(GStrv) parts = NULL;

    if (!c->reserve) {
        return g_strdup(c->request);
    }
    id = qipmi_get(p, c->reserve);
    parts = g_strsplit(c->request, "@@", 2);
    return g_strjoinv(id, parts);
}

/*
 * The log of writes: sectors of 512 bytes, the first one a header. An entry is
 * a sector of four numbers of 64 bits, then the data.
 */
#define LOG_DISCARD     4

typedef struct Entry {
    uint64_t start, end;        /* of the entry, in the log */
    uint64_t offset, len;       /* on the drive */
    const uint8_t *data;        /* NULL: zeros */
} Entry;

static GArray *log_read(const char *file, char **data)
{
    GArray *entries = g_array_new(false, false, sizeof(Entry));
    gsize size;
    uint64_t at = SECTOR;

    g_assert_true(g_file_get_contents(file, data, &size, NULL));
    while (at + SECTOR <= size) {
        const uint8_t *p = (uint8_t *)*data + at;
        uint64_t sectors = ldq_le_p(p + 8);
        bool discard = ldq_le_p(p + 16) & LOG_DISCARD;
        Entry e = { .start = at, .offset = ldq_le_p(p) * SECTOR,
                    .len = sectors * SECTOR };

        e.data = discard ? NULL : p + SECTOR;
        at += SECTOR + (discard ? 0 : e.len);
        if (at > size) {
            break;
        }
        e.end = at;
        g_assert_cmpuint(e.offset + e.len, <=, DRIVE_SIZE);
        g_array_append_val(entries, e);
    }
    return entries;
}

/* Bytes [from, to) of a write */
static void entry_apply(const Entry *e, uint8_t *image, uint64_t from,
                        uint64_t to)
{
    if (e->data) {
        memcpy(image + e->offset + from, e->data + from, to - from);
    } else {
        memset(image + e->offset + from, 0, to - from);
    }
}

/* States that were acknowledged, and how long the log was by then */
typedef struct Acks {
    unsigned n;
    uint64_t at[ARRAY_SIZE(changes) + 2];
    char *state[ARRAY_SIZE(changes) + 2];
} Acks;

static void ack(Acks *a, QIPMI *p, const char *log)
{
    GStatBuf st;

    g_assert_cmpint(g_stat(log, &st), ==, 0);
    a->at[a->n] = st.st_size;
    a->state[a->n++] = state(p);
}

static bool wanted(void)
{
    static unsigned images;

    return g_getenv("RIG_SOAK") || ++images % 10 == 0;
}

/* A killed QEMU had written the first @end bytes of the log. */
static bool image_is_right(const Files *f, const uint8_t *image,
                           const Acks *a, uint64_t end)
{
    g_autofree char *found = NULL;
    QTestState *qts;
    unsigned i;
    QIPMI p;

    if (!wanted()) {
        return true;
    }
    g_assert_true(g_file_set_contents(f->copy, (const char *)image, DRIVE_SIZE,
                                      NULL));
    qts = boot_file(&p, f->copy);
    found = state(&p);
    qtest_quit(qts);
    for (i = 0; i + 1 < a->n && a->at[i + 1] <= end; i++) {
        /* look for the last that counts */
    }
    if (g_str_equal(found, a->state[i]) ||
        (i + 1 < a->n && g_str_equal(found, a->state[i + 1]))) {
        return true;
    }
    g_test_message("killed at 0x%" PRIx64 " of the log: expected %s, found %s",
                   end, a->state[i], found);
    g_test_fail();
    return false;
}

/* The write as a whole; and then its first half, its second, and a few bytes */
static void try_entry(const Files *f, uint8_t *image, const Acks *a,
                      const Entry *e)
{
    g_autofree uint8_t *torn = g_memdup2(image, DRIVE_SIZE);
    uint64_t half = e->len / 2 / SECTOR * SECTOR;
    struct {
        uint64_t from, to;
    } parts[] = { { 0, half }, { half, e->len }, { 0, e->len * 2 / 5 + 3 } };

    for (unsigned i = 0; e->len && i < ARRAY_SIZE(parts); i++) {
        if (parts[i].from == parts[i].to ||
            (parts[i].from == 0 && parts[i].to == e->len)) {
            continue;
        }
        memcpy(torn, image, DRIVE_SIZE);
        entry_apply(e, torn, parts[i].from, parts[i].to);
        image_is_right(f, torn, a, e->start);
    }
    entry_apply(e, image, 0, e->len);
    if (e->len) {
        image_is_right(f, image, a, e->end);
    }
}

static QTestState *boot_logged(QIPMI *p, const Files *f)
{
    g_autofree char *bd = g_strdup_printf("-blockdev driver=raw,node-name=d0,"
        "file.driver=blklogwrites,"
        "file.file.driver=file,file.file.filename=%s,"
        "file.log.driver=file,file.log.filename=%s", f->drive, f->log);

    return boot(p, bd, "");
}

static void replay(const Files *f, uint8_t *image, Acks *a)
{
    g_autofree char *data = NULL;
    GArray *entries = log_read(f->log, &data);

    g_assert_cmpuint(entries->len, >, a->n);
    for (unsigned i = 0; i < entries->len; i++) {
        try_entry(f, image, a, &g_array_index(entries, Entry, i));
    }
    g_array_free(entries, true);
    for (unsigned i = 0; i < a->n; i++) {
        g_free(a->state[i]);
    }
}

/* From a new drive, through every kind of change */
static void test_kill(void)
{
    g_autofree uint8_t *image = g_malloc0(DRIVE_SIZE);
    Acks a = { };
    QTestState *qts;
    QIPMI p;
    Files f;

    files_open(&f);
    qts = boot_logged(&p, &f);
    ack(&a, &p, f.log);
    for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
        g_autofree char *req = change_request(&p, &changes[i]);

        qtest_clock_step(qts, SECOND_NS);
        g_assert_true(qipmi_expect(&p, req, "00 *"));
        ack(&a, &p, f.log);
        g_assert_cmpstr(a.state[i + 1], !=, a.state[i]);
    }
    qtest_quit(qts);
    replay(&f, image, &a);
    files_close(&f);
}

#define FILL_BYTES      250

/*
 * FRU 1 is written over and over, until the bank is nearly full. By QMP, since
 * it is some thousand times.
 */
static void fill_bank(QTestState *qts, const char *drive)
{
    /* 32 bytes of header, and the data filled up to 8 */
    const unsigned record = 32 + ROUND_UP(FILL_BYTES, 8);
    g_autofree char *data = NULL;
    gsize size;
    unsigned i, n;

    g_assert_true(g_file_get_contents(drive, &data, &size, NULL));
    for (n = DRIVE_SIZE / 2; n && !data[n - 1]; n--) {
        /* the end of what there is */
    }
    n = (DRIVE_SIZE / 2 - n) / record - 2;
    for (i = 0; i < n; i++) {
        g_autofree char *bytes = g_strdup_printf("010001%02x%0*x", i & 0xff,
                                                 2 * FILL_BYTES - 2, 0);

        qtest_qmp_assert_success(qts, "{ 'execute': 'ipmi-request',"
            " 'arguments': { 'bmc': 'bmc0', 'channel': 1, 'netfn': 10,"
            " 'cmd': 18, 'lun': 0, 'data': %s } }", bytes);
    }
}

/* The bank is full: the state moves to the other one. */
static void test_kill_bank(void)
{
    g_autofree char *image = NULL;
    gsize size;
    Acks a = { };
    QTestState *qts;
    QIPMI p;
    Files f;

    files_open(&f);
    qts = boot_file(&p, f.drive);
    fill_bank(qts, f.drive);
    qtest_quit(qts);
    g_assert_true(g_file_get_contents(f.drive, &image, &size, NULL));
    g_assert_cmpuint(image[DRIVE_SIZE / 2], ==, 0);
    qts = boot_logged(&p, &f);
    ack(&a, &p, f.log);
    for (unsigned i = 0; i < 12; i++) {
        g_autofree char *req = g_strdup_printf("0a 44 " EVENT "%02x 00 00", i);
        g_autofree char *fru = g_strdup_printf("0a 12 00 10 00 %02x%0100x",
                                               i + 1, 0);

        qtest_clock_step(qts, SECOND_NS);
        g_assert_true(qipmi_expect(&p, i & 1 ? req : fru, "00 *"));
        ack(&a, &p, f.log);
    }
    qtest_quit(qts);
    replay(&f, (uint8_t *)image, &a);
    g_assert_cmpmem(image + DRIVE_SIZE / 2, 8, "IPMISTOR", 8);
    files_close(&f);
}

/* A SEL entry, and the drive after it. */
static char *drive_after_event(QIPMI *p, const char *drive,
                               const char *request)
{
    gsize size;
    char *image;

    g_assert_true(qipmi_expect(p, request, "00 *"));
    g_assert_true(g_file_get_contents(drive, &image, &size, NULL));
    g_assert_cmpuint(size, ==, DRIVE_SIZE);
    return image;
}

/*
 * A write that fails: the command says so, and has changed nothing.
 */
static QTestState *boot_failing(QIPMI *p, const Files *f, const char *event,
                                bool once)
{
    g_autofree char *bd = g_strdup_printf("-blockdev driver=raw,node-name=d0,"
        "file.driver=blkdebug,file.inject-error.0.event=%s,"
        "file.inject-error.0.once=%s,file.image.driver=file,"
        "file.image.filename=%s", event, once ? "on" : "off", f->drive);

    return boot(p, bd, "");
}

static void test_fail(const void *event)
{
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;
    g_autofree char *again = NULL;
    QTestState *qts;
    QIPMI p;
    Files f;

    files_open(&f);
    qts = boot_file(&p, f.drive);
    qipmi_expect(&p, changes[0].request, "00 *");
    qipmi_expect(&p, changes[1].request, "00 *");
    qipmi_expect(&p, changes[19].request, "00 *");
    before = state(&p);
    qtest_quit(qts);

    qts = boot_failing(&p, &f, event, false);
    for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
        g_autofree char *req = change_request(&p, &changes[i]);

        qipmi_expect(&p, req, "ff");
    }
    after = state(&p);
    g_assert_cmpstr(after, ==, before);
    qtest_quit(qts);
    qts = boot_file(&p, f.drive);
    again = state(&p);
    /* The last one may have got there, as nobody knows about it. */
    if (g_str_equal(event, "pwritev")) {
        g_assert_cmpstr(again, ==, before);
    }
    qtest_quit(qts);
    files_close(&f);
}

static void test_fail_once(const void *event)
{
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;
    QTestState *qts;
    QIPMI p;
    Files f;

    files_open(&f);
    qts = boot_file(&p, f.drive);
    qtest_quit(qts);
    qts = boot_failing(&p, &f, event, true);
    qipmi_expect(&p, changes[0].request, "ff");
    qipmi_expect(&p, changes[1].request, "00 01 00");
    qipmi_expect(&p, changes[2].request, "00 02 00");
    before = state(&p);
    qtest_quit(qts);
    qts = boot_file(&p, f.drive);
    after = state(&p);
    g_assert_cmpstr(after, ==, before);
    qtest_quit(qts);
    files_close(&f);
}

/*
 * Drives that are refused: QEMU ends with status 1, and says why.
 */
typedef struct Refusal {
    const char *name;
    uint64_t size;
    uint64_t at;                /* "garbage" here */
    const char *bmc, *drive;    /* more properties */
    const char *words[2];       /* of the message */
} Refusal;

static const Refusal refusals[] = {
    { "foreign", 0, 0, "", "", { "something else", "bank 0" } },
    { "foreign-bank-1", 0, DRIVE_SIZE / 2, "", "",
      { "something else", "bank 1" } },
    { "size", DRIVE_SIZE / 2, UINT64_MAX, "", "", { "1048576", "2097152" } },
    { "other-size", 2 * DRIVE_SIZE, UINT64_MAX, "", "",
      { "something else", "another size" } },
    { "header", 0, 9, "", "", { "header", "damaged" } },
    { "damaged", 0, 0x1000, "", "", { "damaged", "bank 0" } },
    { "read-only", 0, UINT64_MAX, "", ",read-only=on",
      { "read-only", "writable" } },
    { "fru-size", 0, UINT64_MAX, ",fru-size=1024", "", { "fru", "fit" } },
    { "sdr-size", 0, UINT64_MAX, ",sdr-size=100", "",
      { "sdr-size", "2048 to 65528" } },
    { "sel-entries", 0, UINT64_MAX, ",sel-entries=15", "",
      { "sel-entries", "16 to 4096" } },
    { "fru-size-range", 0, UINT64_MAX, ",fru-size=9000", "",
      { "fru-size", "1024 to 8192" } },
    { "sdr-file", 0, UINT64_MAX, ",sdr-file=/dev/null/none", "",
      { "sdr-file", "/dev/null/none" } },
};

static void spoil(const char *drive, const Refusal *r)
{
    int fd = g_open(drive, O_RDWR, 0);

    g_assert_cmpint(fd, >=, 0);
    if (r->at != UINT64_MAX) {
        g_assert_cmpint(pwrite(fd, "garbage", 7, r->at), ==, 7);
    }
    if (r->size) {
        g_assert_cmpint(ftruncate(fd, r->size), ==, 0);
    }
    close(fd);
}

/* QEMU does not start with this drive, and says why. */
static void expect_refused(const char *drive, const Refusal *r)
{
    g_autofree char *command = NULL;
    g_autofree char *err = NULL;
    int status;

    command = g_strdup_printf("%s " QIPMI_MACHINE "-display none -S "
        "-accel qtest -blockdev driver=raw,node-name=d0,file.driver=file,"
        "file.filename=%s%s -device ipmi-bmc-multi,drive=d0%s "
        "-device no-such-device", g_getenv("QTEST_QEMU_BINARY"), drive,
        r->drive, r->bmc);
    g_assert_true(g_spawn_command_line_sync(command, NULL, &err, &status,
                                            NULL));
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(r->words); i++) {
        if (!strstr(err, r->words[i])) {
            g_test_message("no '%s' in: %s", r->words[i], err);
            g_test_fail();
        }
    }
    g_assert_null(strstr(err, "no-such-device"));
}

static void test_refused(const void *opaque)
{
    QTestState *qts;
    QIPMI p;
    Files f;

    files_open(&f);
    qts = boot_file(&p, f.drive);
    qtest_quit(qts);
    spoil(f.drive, opaque);
    expect_refused(f.drive, opaque);
    files_close(&f);
}

/*
 * A record is missing in the middle of the log: those behind it had been
 * acknowledged, and are not forgotten without a word.
 */
static void test_hole(void)
{
    static const Refusal hole = { .bmc = "", .drive = "",
                                  .words = { "damaged", "bank 0" } };
    g_autofree char *before = NULL;
    g_autofree char *one = NULL;
    g_autofree char *two = NULL;
    QTestState *qts;
    QIPMI p;
    Files f;

    files_open(&f);
    qts = boot_file(&p, f.drive);
    before = drive_after_event(&p, f.drive, changes[0].request);
    one = drive_after_event(&p, f.drive, changes[1].request);
    two = drive_after_event(&p, f.drive, changes[1].request);
    qtest_quit(qts);
    for (unsigned i = 0; i < DRIVE_SIZE; i++) {
        if (one[i] != before[i]) {
            two[i] = before[i];
        }
    }
    g_assert_true(g_file_set_contents(f.drive, two, DRIVE_SIZE, NULL));
    expect_refused(f.drive, &hole);
    files_close(&f);
}

/*
 * A wrong bit on the drive, in what the only bank in use has (the others:
 * ipmi-store-format-test.c): nothing is lost, and the next start finds no more
 * of it.
 */
static void test_bit(void)
{
    /* magic, version, CRC, size, generation, end; first record; the log */
    static const unsigned at[] = { 0, 8, 13, 17, 24, 33, 300, 520, 530 };
    g_autofree char *image = NULL;
    g_autofree char *before = NULL;
    g_autofree char *expected = NULL;
    QTestState *qts;
    unsigned i, last;
    QIPMI p;
    Files f;

    files_open(&f);
    qts = boot_file(&p, f.drive);
    before = drive_after_event(&p, f.drive, changes[0].request);
    image = drive_after_event(&p, f.drive, changes[1].request);
    expected = state(&p);
    qtest_quit(qts);
    for (last = 0; image[last] == before[last]; last++) {
        /* where the last record is */
    }
    for (i = 0; i <= ARRAY_SIZE(at); i++) {
        unsigned byte = i < ARRAY_SIZE(at) ? at[i] : last + 40;
        g_autofree char *first = NULL;
        g_autofree char *second = NULL;

        image[byte] ^= 0x04;
        g_assert_true(g_file_set_contents(f.drive, image, DRIVE_SIZE, NULL));
        image[byte] ^= 0x04;
        qts = boot_file(&p, f.drive);
        first = state(&p);
        qtest_quit(qts);
        g_assert_cmpstr(first, ==, expected);
        qts = boot_file(&p, f.drive);
        second = state(&p);
        qtest_quit(qts);
        g_assert_cmpstr(second, ==, expected);
    }
    files_close(&f);
}

/*
 * Snapshots and migration
 */

static char *blockdev_qcow2(const char *file)
{
    return g_strdup_printf("-blockdev driver=qcow2,node-name=d0,"
                           "file.driver=file,file.filename=%s ", file);
}

/* What was loaded is on the drive as soon as the machine runs. */
static void test_snapshot(void)
{
    g_autofree char *bd = NULL;
    g_autofree char *saved = NULL;
    g_autofree char *loaded = NULL;
    g_autofree char *changed = NULL;
    g_autofree char *again = NULL;
    QTestState *qts;
    QIPMI p;
    Files f;

    files_open(&f);
    g_assert_true(mkimg(f.drive, "qcow2", 4));
    bd = blockdev_qcow2(f.drive);
    qts = boot(&p, bd, "");
    for (unsigned i = 0; i < 10; i++) {
        g_autofree char *req = change_request(&p, &changes[i]);

        qipmi_expect(&p, req, "00 *");
    }
    saved = state(&p);
    g_assert_true(qfabric_hmp_quiet(qts, "savevm one"));
    for (unsigned i = 10; i < ARRAY_SIZE(changes); i++) {
        g_autofree char *req = change_request(&p, &changes[i]);

        qipmi_expect(&p, req, "00 *");
    }
    g_assert_true(qfabric_hmp_quiet(qts, "loadvm one"));
    loaded = state(&p);
    g_assert_cmpstr(loaded, ==, saved);
    qipmi_expect(&p, changes[1].request, "00 *");
    changed = state(&p);
    qtest_quit(qts);
    qts = boot(&p, bd, "");
    again = state(&p);
    g_assert_cmpstr(again, ==, changed);
    qtest_quit(qts);
    files_close(&f);
}

static void wait_running(QTestState *qts)
{
    bool running = false;

    while (!running) {
        QDict *rsp = qtest_qmp_assert_success_ref(qts,
            "{ 'execute': 'query-status' }");

        running = qdict_get_bool(rsp, "running");
        qobject_unref(rsp);
    }
}

/* The drive goes along with the machine; the source writes no more. */
static void test_migrate(void)
{
    g_autofree char *args = NULL;
    g_autofree char *bd = NULL;
    g_autofree char *uri = NULL;
    g_autofree char *sent = NULL;
    g_autofree char *got = NULL;
    g_autofree char *again = NULL;
    QTestState *qts;
    QDict *answer;
    QIPMI p;
    Files f;

    files_open(&f);
    g_assert_true(mkimg(f.drive, "qcow2", 4));
    bd = blockdev_qcow2(f.drive);
    uri = g_strdup_printf("file:%s", f.copy);
    qts = boot(&p, bd, "");
    for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
        g_autofree char *req = change_request(&p, &changes[i]);

        qipmi_expect(&p, req, "00 *");
    }
    sent = state(&p);
    qfabric_migrate_out(qts, uri);
    answer = qtest_qmp(qts, "{ 'execute': 'ipmi-sel-add', 'arguments': {"
                            " 'bmc': 'bmc0', 'record':"
                            " '00000200000000200004010159000000' } }");
    g_assert_true(qdict_haskey(answer, "error"));
    qobject_unref(answer);
    qtest_quit(qts);

    args = g_strconcat(bd, BMC CHANNEL QIPMI_KCS "-incoming defer", NULL);
    qts = qipmi_boot(args);
    g_assert_true(qfabric_migrate_in(qts, uri));
    wait_running(qts);
    qipmi_open(&p, qts, QIPMI_KCS_SLOT);
    got = state(&p);
    g_assert_cmpstr(got, ==, sent);
    qtest_quit(qts);
    qts = boot(&p, bd, "");
    again = state(&p);
    g_assert_cmpstr(again, ==, sent);
    qtest_quit(qts);
    files_close(&f);
}

/* Two BMCs on two drives know nothing of each other. */
static void test_two(void)
{
    g_autofree char *args = NULL;
    g_autofree char *one = NULL;
    g_autofree char *two = NULL;
    g_autofree char *again = NULL;
    QTestState *qts;
    QIPMI p, q;
    Files f;

    files_open(&f);
    g_assert_true(g_file_set_contents(f.copy, "", 0, NULL));
    g_assert_cmpint(truncate(f.copy, DRIVE_SIZE), ==, 0);
    args = g_strdup_printf("-blockdev driver=raw,node-name=d0,"
        "file.driver=file,file.filename=%s " BMC CHANNEL QIPMI_KCS
        "-blockdev driver=raw,node-name=d1,file.driver=file,"
        "file.filename=%s "
        "-device ipmi-bmc-multi,id=bmc1,sel-time=1700000000,drive=d1 "
        "-device ipmi-channel,bmc=bmc1,number=1,medium=lan "
        "-device pci-ipmi-bt,bmc=bmc1,addr=%u", f.drive, f.copy,
        QIPMI_BT_SLOT);
    qts = qipmi_boot(args);
    qipmi_open(&p, qts, QIPMI_KCS_SLOT);
    qipmi_open(&q, qts, QIPMI_BT_SLOT);
    two = state(&q);
    for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
        g_autofree char *req = change_request(&p, &changes[i]);

        qipmi_expect(&p, req, "00 *");
    }
    one = state(&p);
    again = state(&q);
    g_assert_cmpstr(again, ==, two);
    g_clear_pointer(&again, g_free);
    qtest_quit(qts);
    qts = boot_file(&p, f.drive);
    again = state(&p);
    g_assert_cmpstr(again, ==, one);
    qtest_quit(qts);
    g_clear_pointer(&again, g_free);
    qts = boot_file(&p, f.copy);
    again = state(&p);
    g_assert_cmpstr(again, ==, two);
    qtest_quit(qts);
    files_close(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/ipmi/store/kill", test_kill);
    qtest_add_func("/ipmi/store/kill-bank", test_kill_bank);
    qtest_add_func("/ipmi/store/hole", test_hole);
    qtest_add_func("/ipmi/store/bit", test_bit);
    qtest_add_data_func("/ipmi/store/fail/write", "pwritev", test_fail);
    qtest_add_data_func("/ipmi/store/fail/flush", "flush_to_disk", test_fail);
    qtest_add_data_func("/ipmi/store/fail-once/write", "pwritev",
                        test_fail_once);
    qtest_add_data_func("/ipmi/store/fail-once/flush", "flush_to_disk",
                        test_fail_once);
    for (unsigned i = 0; i < ARRAY_SIZE(refusals); i++) {
        g_autofree char *path = g_strdup_printf("/ipmi/store/refused/%s",
                                                refusals[i].name);

        qtest_add_data_func(path, &refusals[i], test_refused);
    }
    qtest_add_func("/ipmi/store/snapshot", test_snapshot);
    qtest_add_func("/ipmi/store/migrate", test_migrate);
    qtest_add_func("/ipmi/store/two", test_two);
    return g_test_run();
}

/*
 * Checks of pcie-fabric-* registers against the table and its rules
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, chapter 7; sec 6.6 (resets).
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "pcie-fabric-oracle.h"

static uint32_t full_mask(const OracleRow *row)
{
    return row->width == 4 ? UINT32_MAX : (1u << (8 * row->width)) - 1;
}

static uint32_t row_read(QFabricFn *fn, const OracleRow *row)
{
    return qfabric_read(fn, oracle_offset(fn, row), row->width);
}

static void row_write(QFabricFn *fn, const OracleRow *row, uint32_t val)
{
    qfabric_write(fn, oracle_offset(fn, row), row->width,
                  val & full_mask(row));
}

static uint32_t row_peek(QFabricFn *fn, const OracleRow *row,
                         const uint8_t *cfg)
{
    return ldn_le_p(cfg + oracle_offset(fn, row), row->width);
}

static bool expect_row(QFabricFn *fn, const OracleRow *row, const char *what,
                       uint32_t mask, uint32_t expected, uint32_t got)
{
    g_autofree char *name = g_strdup_printf("%s %s", row->name, what);

    return qfabric_expect(fn, name, expected & mask & full_mask(row),
                          got & mask & full_mask(row), row->why);
}

/* A window is closed when its base is above its limit (table 4.6 row 5) */
static void check_windows_closed(QFabricFn *fn)
{
    uint16_t cmd = qfabric_readw(fn, PCI_COMMAND);
    uint64_t base = qfabric_readw(fn, PCI_MEMORY_BASE) & MEM_WINDOW_BITS;
    uint64_t limit = qfabric_readw(fn, PCI_MEMORY_LIMIT) & MEM_WINDOW_BITS;

    qfabric_expect(fn, "Command.MSE after reset", 0,
                   cmd & PCI_COMMAND_MEMORY, R60("7.5.1.1.3"));
    qfabric_expect(fn, "memory window is closed (base > limit)", 1,
                   base > limit, R60("7.5.1.3.8"));
    base = (uint64_t)qfabric_readl(fn, PCI_PREF_BASE_UPPER32) << 16 |
           (qfabric_readw(fn, PCI_PREF_MEMORY_BASE) & MEM_WINDOW_BITS);
    limit = (uint64_t)qfabric_readl(fn, PCI_PREF_LIMIT_UPPER32) << 16 |
            (qfabric_readw(fn, PCI_PREF_MEMORY_LIMIT) & MEM_WINDOW_BITS);
    qfabric_expect(fn, "prefetchable window is closed (base > limit)", 1,
                   base > limit, R60("7.5.1.3.9"));
}

/* opt bits may be hardwired to 0, so a 0 there is judged by attributes only */
void oracle_check_reset(QFabricFn *fn, const OracleConf *conf)
{
    g_autoptr(GArray) list = oracle_rows(fn, conf);
    unsigned i;

    for (i = 0; i < list->len; i++) {
        const OracleRow *row = &g_array_index(list, OracleRow, i);
        uint32_t got = row_read(fn, row);
        uint32_t maybe = row->opt & row->reset;

        expect_row(fn, row, "reset value",
                   ~row->any & ~(maybe & ~got), row->reset, got);
    }
    if (fn->bridge) {
        check_windows_closed(fn);
    }
}

/*
 * Values that were written and came back.  Bits to avoid keep their value;
 * a write never sets a status bit.
 */
static uint32_t probe_row(QFabricFn *fn, const OracleRow *row)
{
    uint32_t old = row_read(fn, row), keep = old & row->avoid & ~row->w1c;
    uint32_t ones, zeros, writable, fixed, bit;
    unsigned n;

    row_write(fn, row, ~row->avoid | keep);
    ones = row_read(fn, row);
    expect_row(fn, row, "status bits after writing ones", row->w1c, 0, ones);
    row_write(fn, row, keep);
    zeros = row_read(fn, row);
    writable = (ones ^ zeros) & ~row->w1c;

    expect_row(fn, row, "writable bits that must be", row->rw, ~0u,
               writable);
    expect_row(fn, row, "writable bits that must not be",
               ~(row->rw | row->opt), 0, writable);
    expect_row(fn, row, "value after writing zeros", writable, 0, zeros);
    expect_row(fn, row, "optional bits that are not implemented",
               row->opt & ~writable & ~row->any, 0, zeros);
    expect_row(fn, row, "optional bits, reset value",
               row->opt & writable & ~row->any, row->reset, old);
    fixed = ~(writable | row->w1c | row->avoid);
    expect_row(fn, row, "read-only bits after writing ones", fixed, old,
               ones);
    expect_row(fn, row, "read-only bits after writing zeros", fixed, old,
               zeros);

    for (n = 0; n < 8u * row->width; n++) {
        bit = 1u << n;
        if (bit & row->avoid) {
            continue;
        }
        row_write(fn, row, bit | keep);
        if (!expect_row(fn, row, "after writing a single bit",
                        ~(row->w1c | row->avoid),
                        (old & fixed) | (bit & writable),
                        row_read(fn, row))) {
            break;
        }
    }
    row_write(fn, row, old & ~row->w1c);
    return writable;
}

/* Bytes whose change between two snapshots is an event, not a side effect */
static void mark_events(QFabricFn *fn, GArray *list, uint8_t *mask)
{
    unsigned i, n;

    memset(mask, 0xff, PCI_CFG_SPACE_EXP_SIZE);
    for (i = 0; i < list->len; i++) {
        const OracleRow *row = &g_array_index(list, OracleRow, i);
        uint32_t events = row->w1c & row->any;

        for (n = 0; n < row->width; n++) {
            mask[oracle_offset(fn, row) + n] &= ~(events >> (8 * n));
        }
    }
}

/* Reports each run of bytes that differ as one; returns whether none does */
static bool compare_space(QFabricFn *fn, GArray *list, const uint8_t *was,
                          const uint8_t *now, const char *why)
{
    g_autofree uint8_t *mask = g_malloc(PCI_CFG_SPACE_EXP_SIZE);
    unsigned i, end;
    bool same = true;

    mark_events(fn, list, mask);
    for (i = 0; i < PCI_CFG_SPACE_EXP_SIZE; i = MAX(end, i + 1)) {
        for (end = i; end < PCI_CFG_SPACE_EXP_SIZE &&
             ((was[end] ^ now[end]) & mask[end]); end++) {
            continue;
        }
        if (end > i) {
            g_autofree char *what = g_strdup_printf(
                "bytes 0x%03x to 0x%03x, first one", i, end - 1);

            qfabric_expect(fn, what, was[i], now[i], why);
            same = false;
        }
    }
    return same;
}

void oracle_check_same(QFabricFn *fn, const OracleConf *conf,
                       const uint8_t *was, const char *why)
{
    g_autoptr(GArray) list = oracle_rows(fn, conf);
    g_autofree uint8_t *now = g_malloc(PCI_CFG_SPACE_EXP_SIZE);

    qfabric_snapshot(fn, now);
    compare_space(fn, list, was, now, why);
}

/* No row covers these bytes: capability headers, gaps, reserved space */
static void check_rest_read_only(QFabricFn *fn, GArray *list,
                                 const uint8_t *was)
{
    static const uint8_t patterns[] = { 0xff, 0x00, 0x55, 0xaa };
    g_autofree bool *known = g_new0(bool, PCI_CFG_SPACE_EXP_SIZE);
    unsigned i, n, p;

    for (i = 0; i < list->len; i++) {
        const OracleRow *row = &g_array_index(list, OracleRow, i);

        for (n = 0; n < row->width; n++) {
            known[oracle_offset(fn, row) + n] = true;
        }
    }
    for (p = 0; p < G_N_ELEMENTS(patterns); p++) {
        g_autofree uint8_t *now = g_malloc(PCI_CFG_SPACE_EXP_SIZE);

        for (i = 0; i < PCI_CFG_SPACE_EXP_SIZE; i++) {
            if (!known[i]) {
                qfabric_writeb(fn, i, patterns[p]);
            }
        }
        qfabric_snapshot(fn, now);
        if (!compare_space(fn, list, was, now,
                           "no register here: read-only, " R60("7.2"))) {
            return;
        }
    }
}

void oracle_check_attributes(QFabricFn *fn, const OracleConf *conf)
{
    g_autoptr(GArray) list = oracle_rows(fn, conf);
    g_autofree uint8_t *was = g_malloc(PCI_CFG_SPACE_EXP_SIZE);
    g_autofree uint8_t *now = g_malloc(PCI_CFG_SPACE_EXP_SIZE);
    uint32_t writable, mask = 0, severity = 0;
    unsigned i;

    qfabric_snapshot(fn, was);
    for (i = 0; i < list->len; i++) {
        const OracleRow *row = &g_array_index(list, OracleRow, i);
        g_autofree char *why = g_strdup_printf("side effect of writing %s",
                                               row->name);

        writable = probe_row(fn, row);
        if (row->space == S_EXT && row->id == PCI_EXT_CAP_ID_ERR) {
            mask = row->off == PCI_ERR_UNCOR_MASK ? writable : mask;
            severity = row->off == PCI_ERR_UNCOR_SEVER ? writable : severity;
        }
        qfabric_snapshot(fn, now);
        compare_space(fn, list, was, now, why);
        memcpy(was, now, PCI_CFG_SPACE_EXP_SIZE);
    }
    /* sec 7.8.4: status, mask and severity cover the same errors */
    qfabric_expect(fn, "AER: severity bits that are writable", mask,
                   severity, R60("7.8.4.4"));
    check_rest_read_only(fn, list, was);
}

void oracle_scramble(QFabricFn *fn, const OracleConf *conf)
{
    g_autoptr(GArray) list = oracle_rows(fn, conf);
    unsigned i;

    for (i = 0; i < list->len; i++) {
        const OracleRow *row = &g_array_index(list, OracleRow, i);
        uint32_t flip = (row->rw | row->opt) & ~row->quiet;
        uint32_t val = row_read(fn, row);

        if (flip | row->alt_mask) {
            val ^= flip;
            val = (val & ~row->alt_mask) | row->alt;
            row_write(fn, row, val & ~row->w1c);
        }
    }
}

static uint32_t kept_bits(const OracleRow *row, OracleReset reset)
{
    switch (reset) {
    case ORACLE_COLD:
        return 0;
    case ORACLE_HOT:
        return row->sticky;
    case ORACLE_FLR:
        return row->sticky | row->flr;
    default:
        g_assert_not_reached();
    }
}

void oracle_check_after(QFabricFn *fn, const OracleConf *conf,
                        OracleReset reset, const uint8_t *was,
                        const uint8_t *set)
{
    static const char *const names[] = {
        [ORACLE_COLD] = "after cold reset",
        [ORACLE_HOT] = "after hot reset",
        [ORACLE_FLR] = "after FLR",
    };
    g_autoptr(GArray) list = oracle_rows(fn, conf);
    unsigned kind = oracle_kind(fn), i;

    for (i = 0; i < list->len; i++) {
        const OracleRow *row = &g_array_index(list, OracleRow, i);
        uint32_t keep = kept_bits(row, reset), expected;

        expected = (row_peek(fn, row, was) & ~keep) |
                   (row_peek(fn, row, set) & keep);
        if (row->space == S_CAP && row->id == PCI_CAP_ID_EXP &&
            row->off == PCI_EXP_DEVCTL2) {
            expected &= ~PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK;
            expected |= oracle_devctl2_atomic_reset(kind, conf, reset);
        }
        expect_row(fn, row, names[reset], ~(row->w1c & row->any), expected,
                   row_read(fn, row));
    }
}

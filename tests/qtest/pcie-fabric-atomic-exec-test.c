/*
 * What AtomicOps of pcie-fabric-endpoint do to memory
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 6.15 (FetchAdd, Swap, CAS), 2.2.2 (bytes
 * of an operand: least significant first), 2.2.9 (the original value comes
 * back); specs 2.1, 2.2.
 *
 * The expected values are written down, not computed.
 */
#include "qemu/osdep.h"
#include "pcie-fabric-flow-bench.h"

typedef struct Vector {
    const char *name;
    QFabricOp op;
    unsigned size;
    QFabric128 old, operand[2], now;
} Vector;

#define V(n, o, s, a, b, c, d) \
    { n, QFEP_##o, s, { a }, { { b }, { c } }, { d } }
#define ONES    UINT64_MAX
#define HIGH    0xdead000000000000ULL   /* operand bits that do not count */

static const Vector vectors[] = {
    V("fetchadd32/one", FETCH_ADD, 4, 41, 1, 0, 42),
    V("fetchadd32/zero", FETCH_ADD, 4, 0x89abcdef, 0, 0, 0x89abcdef),
    V("fetchadd32/wraps", FETCH_ADD, 4, 0xffffffff, 1, 0, 0),
    V("fetchadd32/minus-one", FETCH_ADD, 4, 5, 0xffffffff, 0, 4),
    V("fetchadd32/into-sign", FETCH_ADD, 4, 0x7fffffff, 1, 0, 0x80000000),
    V("fetchadd32/carry-out-of-twice-the-sign", FETCH_ADD, 4, 0x80000000,
      0x80000000, 0, 0),
    V("fetchadd32/high-operand-bits", FETCH_ADD, 4, 1, HIGH | 1, 0, 2),
    V("fetchadd32/bytes", FETCH_ADD, 4, 0x01020304, 0x10203040, 0,
      0x11223344),
    V("fetchadd64/one", FETCH_ADD, 8, 41, 1, 0, 42),
    V("fetchadd64/carries-over-32", FETCH_ADD, 8, 0xffffffff, 1, 0,
      0x100000000ULL),
    V("fetchadd64/wraps", FETCH_ADD, 8, ONES, 1, 0, 0),
    V("fetchadd64/wraps-far", FETCH_ADD, 8, ONES, ONES, 0, ONES - 1),
    V("fetchadd64/minus-one", FETCH_ADD, 8, 0, ONES, 0, ONES),
    V("fetchadd64/into-sign", FETCH_ADD, 8, 0x7fffffffffffffffULL, 1, 0,
      0x8000000000000000ULL),
    V("fetchadd64/bytes", FETCH_ADD, 8, 0x0102030405060708ULL,
      0x1020304050607080ULL, 0, 0x1122334455667788ULL),
    V("swap32/value", SWAP, 4, 0x01020304, 0xa1b2c3d4, 0, 0xa1b2c3d4),
    V("swap32/same", SWAP, 4, 7, 7, 0, 7),
    V("swap32/high-operand-bits", SWAP, 4, 1, HIGH | 0x55, 0, 0x55),
    V("swap32/ignores-operand-1", SWAP, 4, 1, 2, 3, 2),
    V("swap64/value", SWAP, 8, 0x0102030405060708ULL, 0xa1b2c3d4e5f60718ULL,
      0, 0xa1b2c3d4e5f60718ULL),
    V("swap64/zero", SWAP, 8, ONES, 0, 0, 0),
    V("cas32/equal", CAS, 4, 0x11223344, 0x11223344, 0x55667788, 0x55667788),
    V("cas32/unequal", CAS, 4, 0x11223344, 0x11223345, 0x55667788,
      0x11223344),
    V("cas32/unequal-in-top-bit", CAS, 4, 0x91223344, 0x11223344, 0x55667788,
      0x91223344),
    V("cas32/equal-whatever-is-above", CAS, 4, 0x11223344, HIGH | 0x11223344,
      HIGH | 0x55667788, 0x55667788),
    V("cas32/equal-to-byte-swapped", CAS, 4, 0x11223344, 0x44332211,
      0x55667788, 0x11223344),
    V("cas64/equal", CAS, 8, 0x1122334455667788ULL, 0x1122334455667788ULL,
      0x99aabbccddeeff00ULL, 0x99aabbccddeeff00ULL),
    V("cas64/unequal-in-low-half", CAS, 8, 0x1122334455667788ULL,
      0x1122334455667789ULL, 0, 0x1122334455667788ULL),
    V("cas64/unequal-in-high-half", CAS, 8, 0x1122334455667788ULL,
      0x1122334555667788ULL, 0, 0x1122334455667788ULL),
    { "cas128/equal", QFEP_CAS, 16, { 0x1122334455667788ULL, 0x99 },
      { { 0x1122334455667788ULL, 0x99 },
        { 0x0f1e2d3c, 0xaabbccdd00000001ULL } },
      { 0x0f1e2d3c, 0xaabbccdd00000001ULL } },
    { "cas128/equal-ones", QFEP_CAS, 16, { ONES, ONES },
      { { ONES, ONES }, { 0, 0 } }, { 0, 0 } },
    { "cas128/unequal-in-low-half", QFEP_CAS, 16, { 1, 2 },
      { { 3, 2 }, { 4, 5 } }, { 1, 2 } },
    { "cas128/unequal-in-high-half", QFEP_CAS, 16, { 1, 2 },
      { { 1, 3 }, { 4, 5 } }, { 1, 2 } },
    { "cas128/unequal-in-top-bit", QFEP_CAS, 16, { 1, 1ULL << 63 },
      { { 1, 0 }, { 4, 5 } }, { 1, 1ULL << 63 } },
    { "cas128/halves-exchanged", QFEP_CAS, 16, { 1, 2 },
      { { 2, 1 }, { 4, 5 } }, { 1, 2 } },
};

static const FlowRoute routes[] = {
    { "ram", PLACE_DIRECT, GOAL_RAM },
    { "ram-below-two-switches", PLACE_DEEP, GOAL_RAM },
    { "ram-from-rciep", PLACE_RCIEP, GOAL_RAM },
    { "peer-same-switch", PLACE_SWITCH, GOAL_PEER, PLACE_SWITCH_PEER },
    { "peer-other-rp", PLACE_DIRECT, GOAL_PEER, PLACE_OTHER_RP },
    { "peer-rciep", PLACE_RCIEP, GOAL_PEER, PLACE_RCIEP_PEER },
};

typedef struct ExecCase {
    const Vector *v;
    const FlowRoute *route;
} ExecCase;

#define LINE                    64
#define GUARD_BYTE              0xa7

static bool check_bytes(FlowBench *b, QFabricFn *fn, uint64_t line,
                        unsigned off, const Vector *v)
{
    uint8_t want[LINE], got[LINE];
    bool ok = true;
    unsigned i;

    memset(want, GUARD_BYTE, sizeof(want));
    for (i = 0; i < v->size; i++) {
        /* Least significant byte first: sec 2.2.2, specs 2.2 */
        want[off + i] = (i < 8 ? v->now.lo >> (8 * i) :
                                 v->now.hi >> (8 * (i - 8))) & 0xff;
    }
    qtest_memread(b->qts, line, got, sizeof(got));
    for (i = 0; i < LINE; i++) {
        g_autofree char *what = g_strdup_printf("byte %d of the target",
                                                (int)i - (int)off);

        ok &= qfabric_expect(fn, what, want[i], got[i], v->name);
    }
    return ok;
}

static bool exec_at(FlowBench *b, const ExecCase *c, unsigned off)
{
    const Vector *v = c->v;
    QFabricEp *ep = b->ep[c->route->from];
    uint64_t line = flow_goal(b, c->route);
    uint8_t bytes[LINE];
    QFabricReq req = {
        .op = v->op, .size = v->size, .addr = line + off,
        .operand = { v->operand[0], v->operand[1] },
    };
    QFabricRes res;
    unsigned i;
    bool ok;

    memset(bytes, GUARD_BYTE, sizeof(bytes));
    for (i = 0; i < v->size; i++) {
        bytes[off + i] = i < 8 ? v->old.lo >> (8 * i) :
                                 v->old.hi >> (8 * (i - 8));
    }
    qtest_memwrite(b->qts, line, bytes, sizeof(bytes));
    res = qfabric_ep_do(ep, &req);
    ok = qfabric_expect(ep->fn, "outcome", QFEP_DONE, res.outcome, v->name);
    ok &= qfabric_expect(ep->fn, "Completion Status", QFEP_SC, res.status,
                         v->name);
    ok &= qfabric_expect(ep->fn, "reason", QFEP_R_NONE, res.reason, v->name);
    ok &= qfabric_expect(ep->fn, "RES_DATA 63:0", v->old.lo,
                         v->size == 4 ? (uint32_t)res.data.lo : res.data.lo,
                         v->name);
    if (v->size == 16) {
        ok &= qfabric_expect(ep->fn, "RES_DATA 127:64", v->old.hi,
                             res.data.hi, v->name);
    }
    return ok & check_bytes(b, ep->fn, line, off, v);
}

/* At every place of the cache line where the operand is aligned */
static void test_vector(const void *data)
{
    const ExecCase *c = data;
    FlowBench *b = flow_bench(&flow_full);
    bool ok = true;
    unsigned off;

    for (off = 0; off < LINE; off += c->v->size) {
        ok &= exec_at(b, c, off);
    }
    flow_bench_end(b, ok);
}

/* One counter, many adders: the sum is exact, each sees its predecessor */
static void test_counter(void)
{
    static const FlowPlace adders[] = {
        PLACE_DIRECT, PLACE_SWITCH, PLACE_DEEP, PLACE_OTHER_RP, PLACE_RCIEP,
    };
    FlowBench *b = flow_bench(&flow_full);
    QFabricReq req = qfabric_atomic(QFEP_FETCH_ADD, 8, RAM_TARGET, 3, 0);
    bool ok = true;
    unsigned i;

    qtest_writeq(b->qts, RAM_TARGET, 0);
    for (i = 0; i < 100; i++) {
        QFabricEp *ep = b->ep[adders[i % G_N_ELEMENTS(adders)]];
        QFabricRes res = qfabric_ep_do(ep, &req);

        ok &= qfabric_expect(ep->fn, "value before the addition", 3 * i,
                             res.data.lo, "r6.0 sec 6.15");
    }
    ok &= qfabric_expect(b->ep[0]->fn, "sum", 300,
                         qtest_readq(b->qts, RAM_TARGET), "r6.0 sec 6.15");
    flow_bench_end(b, ok);
}

/* 4096 bytes at once and odd lengths; nothing beside them is touched */
static void test_block(const void *data)
{
    const FlowRoute *route = data;
    static const struct {
        unsigned off, len;
    } blocks[] = {
        { 0, 4096 }, { 1, 4095 }, { 4095, 1 }, { 3, 1 }, { 5, 123 },
        { 4000, 96 }, { 8, 8 }, { 16, 2048 },
    };
    FlowBench *b = flow_bench(&flow_full);
    uint64_t page = flow_goal(b, route);
    bool ok = true;
    unsigned i;

    for (i = 0; i < G_N_ELEMENTS(blocks); i++) {
        QFabricReq rd = qfabric_read_req(page + blocks[i].off, blocks[i].len,
                                         MEM_LOCAL + 7);
        QFabricReq wr = qfabric_write_req(page + blocks[i].off,
                                          blocks[i].len, MEM_LOCAL + 64);

        ok &= flow_try(b, route->from, &rd, "read");
        ok &= flow_try(b, route->from, &wr, "write");
    }
    flow_bench_end(b, ok);
}

/* Local memory to its last byte, and one beyond (BAD_LOCAL) */
static void test_local_limit(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricReq rd = qfabric_read_req(RAM_TARGET, 64, EP_MEM_SIZE - 64 - 16);
    QFabricReq wr = qfabric_write_req(RAM_TARGET, 64, EP_MEM_SIZE - 63);
    bool ok = true;

    ok &= flow_try(b, PLACE_DIRECT, &rd, "near the end");
    rd.local = EP_MEM_SIZE - 63;
    ok &= flow_try_is(b, PLACE_DIRECT, &rd, QFEP_NOT_ISSUED, 0,
                      QFEP_R_BAD_LOCAL, "ep0", "one byte beyond");
    ok &= flow_try_is(b, PLACE_DIRECT, &wr, QFEP_NOT_ISSUED, 0,
                      QFEP_R_BAD_LOCAL, "ep0", "one byte beyond");
    wr.local = 0xfffffff0;
    ok &= flow_try_is(b, PLACE_DIRECT, &wr, QFEP_NOT_ISSUED, 0,
                      QFEP_R_BAD_LOCAL, "ep0", "offset and length wrap");
    flow_bench_end(b, ok);
}

/* What cannot be built is refused and changes nothing */
static void test_bad_requests(void)
{
    static const struct {
        const char *name;
        QFabricReq req;
    } bad[] = {
        { "operation 5", { .op = 5, .size = 8, .addr = RAM_TARGET } },
        { "operation 15", { .op = 15, .size = 8, .addr = RAM_TARGET } },
        { "operand of 2 bytes",
          { .op = QFEP_SWAP, .size = 2, .addr = RAM_TARGET } },
        { "operand of 32 bytes",
          { .op = QFEP_CAS, .size = 32, .addr = RAM_TARGET } },
        { "reserved bit 13", { .op = QFEP_SWAP, .size = 8,
          .addr = RAM_TARGET, .extra = 1u << 13 } },
        { "reserved bit 31", { .op = QFEP_READ, .len = 4,
          .addr = RAM_TARGET, .extra = 1u << 31 } },
        { "read of 0 bytes", { .op = QFEP_READ, .addr = RAM_TARGET } },
        { "write of 0 bytes", { .op = QFEP_WRITE, .addr = RAM_TARGET } },
        { "read of 4097 bytes",
          { .op = QFEP_READ, .len = 4097, .addr = RAM_TARGET } },
        { "write across 4 KiB",
          { .op = QFEP_WRITE, .len = 2, .addr = RAM_TARGET + 0xfff } },
        { "Length of 1024 DW", { .op = QFEP_SWAP, .size = 8, .len = 1024,
          .addr = RAM_TARGET } },
    };
    FlowBench *b = flow_bench(&flow_full);
    bool ok = true;
    unsigned i;

    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        QFabricEp *ep = b->ep[PLACE_DIRECT];
        QFabricRes res = qfabric_ep_do(ep, &bad[i].req);

        ok &= qfabric_expect(ep->fn, "outcome", QFEP_NOT_ISSUED, res.outcome,
                             bad[i].name);
        ok &= qfabric_expect(ep->fn, "reason", QFEP_R_BAD_REQUEST,
                             res.reason, bad[i].name);
    }
    flow_bench_end(b, ok);
}

int main(int argc, char **argv)
{
    unsigned r, v;
    int ret;

    g_test_init(&argc, &argv, NULL);
    for (r = 0; r < G_N_ELEMENTS(routes); r++) {
        for (v = 0; v < G_N_ELEMENTS(vectors); v++) {
            g_autofree char *path = g_strdup_printf(
                "/pcie-fabric/exec/%s/%s", routes[r].name, vectors[v].name);
            ExecCase *c = g_new0(ExecCase, 1);

            *c = (ExecCase) { &vectors[v], &routes[r] };
            qtest_add_data_func_full(path, c, test_vector, g_free);
        }
    }
    for (r = 0; r < G_N_ELEMENTS(routes); r++) {
        g_autofree char *path = g_strdup_printf(
            "/pcie-fabric/exec/%s/read-write-blocks", routes[r].name);

        qtest_add_data_func(path, &routes[r], test_block);
    }
    qtest_add_func("/pcie-fabric/exec/shared-counter", test_counter);
    qtest_add_func("/pcie-fabric/exec/local-memory-limit", test_local_limit);
    qtest_add_func("/pcie-fabric/exec/bad-requests", test_bad_requests);
    ret = g_test_run();
    flow_bench_quit();
    return ret;
}

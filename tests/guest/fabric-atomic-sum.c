/*
 * AtomicOps of a device against atomics of every CPU on the same cell of
 * memory: nothing is lost, nothing is counted twice.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Per run, the device works through batches of descriptors in its ring while a
 * thread on each CPU does the same operation, with LSE atomics or with
 * exclusives. What must hold in the end:
 *
 * FetchAdd  the cell has the sum of all that was added. The values that the
 *           device got back rise from one to the next.
 * Swap      what was put into the cell is what was taken out of it, plus what
 *           is left in it: compared as sums of a hash, so that a value that was
 *           taken twice shows.
 * CAS       the cell walks in a circle of four values, everybody tries each of
 *           the four steps. All steps succeeded equally often, but for those of
 *           the last, unfinished, round.
 *
 * Both sides make progress: after each batch the program waits until every CPU
 * has done some of its own. Where QEMU has a thread for each of several CPUs,
 * they must also have been at work during batches.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stddef.h>

#include "cpu-atomics.h"
#include "fabric-vfio.h"

#define RING_ORDER 14
#define RING_BYTES (sizeof(FabricDesc) << RING_ORDER)
#define CELLS (FABRIC_IOVA + 0x10000000)
#define HUGE_PAGE 0x200000ull
#define DEVICE_ADDS 3           /* a CPU adds 1 */
#define CANARY 0xa5a5a5a5a5a5a5a5ull
#define STATES 4
#define CPUS 64
#define MILLION 1000000

typedef struct Kind {
    unsigned op, bits, count;
    const char *name;
} Kind;

static const Kind kinds[] = {
    { FABRIC_FETCH_ADD, 64, MILLION, "FetchAdd 64" },
    { FABRIC_FETCH_ADD, 32, MILLION / 5, "FetchAdd 32" },
    { FABRIC_SWAP, 64, MILLION / 10, "Swap 64" },
    { FABRIC_SWAP, 32, MILLION / 10, "Swap 32" },
    { FABRIC_CAS, 128, MILLION / 10, "CAS 128" },
    { FABRIC_CAS, 64, MILLION / 10, "CAS 64" },
    { FABRIC_CAS, 32, MILLION / 10, "CAS 32" },
};

/* Aligned for 128 bits; 32-bit cells have a neighbour in the same 8 bytes. */
typedef struct Cell {
    uint64_t before[2];
    union {
        Wide wide;
        uint64_t x;
        uint32_t w[4];
    };
    uint64_t after[2];
} Cell;

/* What one party, a CPU or the device, has done to the cell. */
typedef struct Tally {
    uint64_t steps;             /* published: the others read it */
    uint64_t put, taken;        /* Swap: sums of hashes */
    uint64_t moved[STATES];     /* CAS: successes, by the state before */
    bool torn;                  /* CAS: found what nobody has written */
    unsigned next;              /* CAS: the step to try */
} Tally;

typedef struct Worker {
    pthread_t thread;
    unsigned cpu;
    Tally tally;
} __attribute__((aligned(64))) Worker;

typedef struct Run {
    const Kind *kind;
    bool lse;
    bool stop;
    Cell *cell;
    uint64_t cell_iova;
    Tally device;
    uint64_t last;              /* FetchAdd: what the device got last */
    uint64_t ticks;             /* while the device had work */
    unsigned batches, overlapped;
} Run;

static FabricIommu iommu;
static FabricEndpoint ep;
static FabricDesc *ring;
static Worker worker[CPUS];
static unsigned cpus;
static Run run;
static double rate_sum;
static unsigned runs, exact_runs, batches, overlapped;

/* --- values --------------------------------------------------------------- */

static uint64_t hash(uint64_t value)
{
    value *= 0x9e3779b97f4a7c15ull;
    return value ^ value >> 29;
}

static Wide state(unsigned n)
{
    uint64_t low = 0x1111111111111111ull * (n % STATES + 1);

    return (Wide) { low, ~low };
}

/* STATES, if the value is none of them. */
static unsigned state_number(Wide value, unsigned bits)
{
    unsigned n;

    for (n = 0; n < STATES; n++) {
        Wide s = state(n);

        if (bits == 32 ? (uint32_t)value.low == (uint32_t)s.low :
            value.low == s.low && (bits == 64 || value.high == s.high)) {
            break;
        }
    }
    return n;
}

/* Close to where it wraps: FetchAdd ignores the carry (sec 6.15). */
static uint64_t first_sum(unsigned bits)
{
    return bits == 64 ? -1000ull : (uint32_t)-1000;
}

/* 32-bit operands lie in the upper half of their 8 bytes. */
static uint32_t *cell32(Cell *cell)
{
    return &cell->w[1];
}

static Wide cell_value(Cell *cell, unsigned bits)
{
    return bits == 128 ? cell->wide :
           (Wide) { bits == 64 ? cell->x : *cell32(cell), 0 };
}

static void cell_reset(Run *r)
{
    unsigned bits = r->kind->bits;
    Wide first = r->kind->op == FABRIC_CAS ? state(0) :
                 (Wide) { r->kind->op == FABRIC_SWAP ? 0 : first_sum(bits), 0 };
    Cell *cell = r->cell;

    *cell = (Cell) { .before = { CANARY, CANARY }, .after = { CANARY, CANARY },
                     .wide = { CANARY, CANARY } };
    if (bits == 128) {
        cell->wide = first;
    } else if (bits == 64) {
        cell->x = first.low;
    } else {
        *cell32(cell) = first.low;
    }
}

static bool canaries_live(Run *r)
{
    const Cell *c = r->cell;
    unsigned bits = r->kind->bits;

    return c->before[0] == CANARY && c->before[1] == CANARY &&
           c->after[0] == CANARY && c->after[1] == CANARY &&
           (bits == 128 || c->wide.high == CANARY) &&
           (bits != 32 || c->w[0] == (uint32_t)CANARY);
}

/* --- the CPUs ------------------------------------------------------------- */

static void count_cas(Tally *t, Wide old, unsigned bits)
{
    unsigned found = state_number(old, bits);

    if (found == t->next) {
        t->moved[found]++;
        t->next = (found + 1) % STATES;
    } else if (found < STATES) {
        t->next = found;
    } else {
        t->torn = true;
    }
}

static void count_swap(Tally *t, uint64_t put, uint64_t taken)
{
    t->put += hash(put);
    t->taken += hash(taken);
}

static void cpu_add(Run *r)
{
    if (r->kind->bits == 64) {
        (r->lse ? lse_add64 : excl_add64)(&r->cell->x, 1);
    } else {
        (r->lse ? lse_add32 : excl_add32)(cell32(r->cell), 1);
    }
}

static void cpu_swap(Run *r, Worker *w, uint64_t n)
{
    /* Nobody else puts this value there; the device's end in 0. */
    uint64_t put = n * 128 + w->cpu + 1;

    if (r->kind->bits == 64) {
        count_swap(&w->tally, put,
                   (r->lse ? lse_swap64 : excl_swap64)(&r->cell->x, put));
    } else {
        uint32_t *cell = cell32(r->cell);

        count_swap(&w->tally, (uint32_t)put,
                   (r->lse ? lse_swap32 : excl_swap32)(cell, put));
    }
}

static void cpu_cas(Run *r, Worker *w)
{
    Wide from = state(w->tally.next), to = state(w->tally.next + 1);
    Wide old = { 0 };

    switch (r->kind->bits) {
    case 128:
        old = (r->lse ? lse_cas128 : excl_cas128)(&r->cell->wide, from, to);
        break;
    case 64:
        old.low = (r->lse ? lse_cas64 : excl_cas64)(&r->cell->x, from.low,
                                                    to.low);
        break;
    default:
        old.low = (r->lse ? lse_cas32 : excl_cas32)(cell32(r->cell), from.low,
                                                    to.low);
    }
    count_cas(&w->tally, old, r->kind->bits);
}

static void *work(void *opaque)
{
    Worker *w = opaque;
    Run *r = &run;
    cpu_set_t set;
    uint64_t n;

    CPU_ZERO(&set);
    CPU_SET(w->cpu, &set);
    sched_setaffinity(0, sizeof(set), &set);
    for (n = 0; !__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE);) {
        switch (r->kind->op) {
        case FABRIC_FETCH_ADD:
            cpu_add(r);
            break;
        case FABRIC_SWAP:
            cpu_swap(r, w, n);
            break;
        default:
            cpu_cas(r, w);
        }
        __atomic_store_n(&w->tally.steps, ++n, __ATOMIC_RELEASE);
        if (n % 64 == 0) {
            asm volatile("yield");
        }
    }
    return NULL;
}

static uint64_t steps(unsigned cpu)
{
    return __atomic_load_n(&worker[cpu].tally.steps, __ATOMIC_ACQUIRE);
}

static uint64_t all_steps(void)
{
    uint64_t sum = 0;
    unsigned i;

    for (i = 0; i < cpus; i++) {
        sum += steps(i);
    }
    return sum;
}

/* Until every CPU has done something since this was called the last time. */
static void await_cpus(uint64_t seen[CPUS])
{
    unsigned i;

    for (i = 0; i < cpus; i++) {
        while (steps(i) == seen[i]) {
            fabric_relax();
        }
        seen[i] = steps(i);
    }
}

/* --- the device ----------------------------------------------------------- */

/* The n-th request of the run. */
static FabricDesc request(const Run *r, unsigned n)
{
    FabricDesc d = { .request = r->kind->op | FABRIC_BITS(r->kind->bits),
                     .addr = r->cell_iova };
    Wide from = state(n), to = state(n + 1);

    switch (r->kind->op) {
    case FABRIC_FETCH_ADD:
        d.operand0[0] = DEVICE_ADDS;
        break;
    case FABRIC_SWAP:
        d.operand0[0] = (n + 1) * 128ull;
        break;
    default:
        d.operand0[0] = from.low;
        d.operand0[1] = from.high;
        d.operand1[0] = to.low;
        d.operand1[1] = to.high;
    }
    return d;
}

static bool count_sum(Run *r, uint64_t old)
{
    uint64_t step = old - r->last;

    if (r->kind->bits == 32) {
        step = (uint32_t)step;
    }
    r->last = old;
    /* More than the device's own, less than half of what would wrap. */
    return step >= DEVICE_ADDS && step < 1ull << (r->kind->bits - 1);
}

static bool count_device(Run *r, const FabricDesc *d, unsigned n)
{
    Wide old = { d->operand1[0], d->operand1[1] };

    r->device.steps++;
    switch (r->kind->op) {
    case FABRIC_FETCH_ADD:
        return count_sum(r, old.low);
    case FABRIC_SWAP:
        count_swap(&r->device, (n + 1) * 128ull, old.low);
        return true;
    default:
        r->device.next = n % STATES;
        count_cas(&r->device, old, r->kind->bits);
        return !r->device.torn;
    }
}

static bool check_batch(Run *r, FabricDesc *const slot0, unsigned first,
                        unsigned count)
{
    uint32_t at = slot0 - ep.ring;
    unsigned i;

    for (i = 0; i < count; i++) {
        const FabricDesc *d = &ep.ring[(at + i) & (ep.ring_size - 1)];

        if (fabric_outcome(d) != FABRIC_DONE ||
            fabric_status(d) != FABRIC_SC || fabric_reason(d) != FABRIC_NONE) {
            printf("# request %u ended otherwise\n", first + i);
            fabric_describe("got:", fabric_outcome(d), fabric_status(d),
                            fabric_reason(d), fabric_where(d));
            return false;
        }
        if (!count_device(r, d, first + i)) {
            printf("# request %u returned %#llx %#llx\n", first + i,
                   (unsigned long long)d->operand1[0],
                   (unsigned long long)d->operand1[1]);
            return false;
        }
    }
    return true;
}

static bool batch(Run *r, unsigned first, unsigned count)
{
    FabricDesc *slot0 = fabric_ring_slot(&ep, 0);
    uint64_t start, before;
    unsigned i;
    bool done;

    for (i = 0; i < count; i++) {
        *fabric_ring_slot(&ep, i) = request(r, first + i);
    }
    before = all_steps();
    start = fabric_ticks();
    fabric_ring_kick(&ep, count);
    done = fabric_ring_wait(&ep, &ep.ring[(ep.ring_tail - 1) &
                                          (ep.ring_size - 1)]);
    r->ticks += fabric_ticks() - start;
    r->batches++;
    r->overlapped += all_steps() != before;
    return done && check_batch(r, slot0, first, count);
}

/* --- one run -------------------------------------------------------------- */

static bool contest(Run *r)
{
    uint64_t seen[CPUS] = { 0 };
    unsigned i, n, count, started;
    bool good = true;

    for (started = 0; good && started < cpus; started++) {
        worker[started].cpu = started;
        worker[started].tally = (Tally) { 0 };
        good = !pthread_create(&worker[started].thread, NULL, work,
                               &worker[started]);
    }
    if (good) {
        await_cpus(seen);
    }
    for (n = 0; good && n < r->kind->count; n += count) {
        count = r->kind->count - n;
        if (count > ep.ring_size - 1) {
            count = ep.ring_size - 1;
        }
        good = batch(r, n, count);
        if (good) {
            await_cpus(seen);
        }
    }
    __atomic_store_n(&r->stop, true, __ATOMIC_RELEASE);
    for (i = 0; i < started; i++) {
        pthread_join(worker[i].thread, NULL);
    }
    return good;
}

static bool judge_sum(Run *r, char *text, size_t size)
{
    unsigned bits = r->kind->bits;
    uint64_t cpu_adds = all_steps();
    uint64_t want = first_sum(bits) + cpu_adds +
                    r->device.steps * DEVICE_ADDS;
    uint64_t got = cell_value(r->cell, bits).low;

    want = bits == 32 ? (uint32_t)want : want;
    snprintf(text, size, "%llu of the device and %llu of %u CPUs",
             (unsigned long long)r->device.steps, (unsigned long long)cpu_adds,
             cpus);
    if (want != got) {
        printf("# wanted %#llx, got %#llx: %lld too few\n",
               (unsigned long long)want, (unsigned long long)got,
               (long long)(want - got));
    }
    return want == got;
}

static bool judge_swap(Run *r, char *text, size_t size)
{
    uint64_t put = hash(0) + r->device.put, taken = r->device.taken;
    unsigned i;

    for (i = 0; i < cpus; i++) {
        put += worker[i].tally.put;
        taken += worker[i].tally.taken;
    }
    taken += hash(cell_value(r->cell, r->kind->bits).low);
    snprintf(text, size, "%llu of the device and %llu of %u CPUs",
             (unsigned long long)r->device.steps,
             (unsigned long long)all_steps(), cpus);
    return put == taken;
}

static bool judge_cas(Run *r, char *text, size_t size)
{
    uint64_t moved[STATES], total = 0, device = 0;
    unsigned i, n;
    bool good = !r->device.torn;

    for (n = 0; n < STATES; n++) {
        moved[n] = r->device.moved[n];
        device += moved[n];
        for (i = 0; i < cpus; i++) {
            moved[n] += worker[i].tally.moved[n];
            good &= !worker[i].tally.torn;
        }
        total += moved[n];
    }
    for (n = 0; n < STATES; n++) {
        good &= moved[n] == total / STATES + (n < total % STATES);
    }
    good &= state_number(cell_value(r->cell, r->kind->bits), r->kind->bits) ==
            total % STATES;
    snprintf(text, size, "%llu of %llu steps by the device",
             (unsigned long long)device, (unsigned long long)total);
    if (!good) {
        printf("# steps %llu %llu %llu %llu\n", (unsigned long long)moved[0],
               (unsigned long long)moved[1], (unsigned long long)moved[2],
               (unsigned long long)moved[3]);
    }
    return good;
}

static void check_run(const Kind *kind, bool lse, void *page, const char *what)
{
    const char *method = lse ? "LSE" : "exclusives";
    char text[128] = "";
    bool good, exact;

    printf("# step: %s, %s, %s, %s\n", ep.id, kind->name, method, what);
    run = (Run) {
        .kind = kind, .lse = lse, .cell = page, .cell_iova = CELLS +
        offsetof(Cell, wide) + (kind->bits == 32 ? sizeof(uint32_t) : 0),
        .last = first_sum(kind->bits) - DEVICE_ADDS,
    };
    cell_reset(&run);
    good = contest(&run);
    tap_ok(good, "%s: %s, %s, %s: each of them returns => %s (%u against %u "
           "CPUs)", ep.id, kind->name, method, what, good ? "yes" : "no",
           kind->count, cpus);
    exact = kind->op == FABRIC_FETCH_ADD ? judge_sum(&run, text, sizeof(text)) :
            kind->op == FABRIC_SWAP ? judge_swap(&run, text, sizeof(text)) :
            judge_cas(&run, text, sizeof(text));
    exact &= canaries_live(&run);
    tap_ok(exact, "%s: %s, %s, %s: nothing lost, nothing counted twice => %s "
           "(%s)", ep.id, kind->name, method, what, exact ? "exact" :
           "not exact", text);
    rate_sum += kind->count / fabric_seconds(run.ticks);
    runs++;
    exact_runs += good && exact;
    batches += run.batches;
    overlapped += run.overlapped;
}

/* A kernel without huge pages has many small ones for the same addresses. */
static void *cell_memory(bool huge, uint64_t size)
{
    void *page = NULL;

    if (huge) {
        page = fabric_memory(&iommu, CELLS, size, MAP_HUGETLB);
        tap_kernel(page, "%s: the kernel has a huge page => %s", ep.id,
                   page ? "yes" : "no");
    }
    return page ? page : fabric_memory(&iommu, CELLS, size, 0);
}

/* A page of each size, one after the other at the same address. */
static void check_page(bool huge, bool lse_first)
{
    uint64_t size = huge ? HUGE_PAGE : FABRIC_PAGE;
    const char *what = huge ? "huge page" : "normal page";
    void *page = cell_memory(huge, size);
    unsigned i;

    if (!page) {
        tap_ok(false, "%s: a %s for DMA", ep.id, what);
        return;
    }
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        check_run(&kinds[i], huge == lse_first, page, what);
    }
    tap_ok(fabric_unmap(&iommu, CELLS, size), "%s: the %s is unmapped", ep.id,
           what);
    munmap(page, size);
}

/* LSE in one size of page and exclusives in the other, by turns. */
static void check_endpoint(const char *id, unsigned number)
{
    if (!tap_ok(fabric_open(&ep, &iommu, id), "%s: open, issues requests",
                id)) {
        return;
    }
    /* There is an IOMMU to map for as soon as an endpoint is open. */
    if (!ring) {
        ring = fabric_memory(&iommu, FABRIC_IOVA, RING_BYTES, 0);
    }
    if (tap_ok(ring && fabric_ring_start(&ep, ring, FABRIC_IOVA, RING_ORDER),
               "%s: the ring runs", id)) {
        check_page(false, number % 2);
        check_page(true, number % 2);
    }
    fabric_close(&ep);
}

/* One thread for all CPUs: while a device works in it, no CPU does. */
static bool single_thread(void)
{
    char line[256];
    bool found = false;
    FILE *f = fopen("/rig/options", "r");

    while (f && fgets(line, sizeof(line), f)) {
        found |= strstr(line, "thread=single") != NULL;
    }
    if (f) {
        fclose(f);
    }
    return found;
}

int main(void)
{
    char line[512], id[TOPOLOGY_ID], driver[64];
    unsigned endpoints = 0;
    FILE *f = fopen("/rig/devices", "r");

    vfio_need();
    cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (cpus > CPUS) {
        cpus = CPUS;
    }
    fabric_write_file("/proc/sys/vm/nr_hugepages", "2");
    if (!tap_ok(fabric_iommu_open(&iommu), "a vfio container")) {
        return tap_done();
    }
    while (f && fgets(line, sizeof(line), f)) {
        if (sscanf(line, "%63s %63s", id, driver) == 2 &&
            !strcmp(driver, "pcie-fabric-endpoint")) {
            check_endpoint(id, endpoints++);
        }
    }
    tap_ok(endpoints > 0, "/rig/devices has endpoints");
    if (cpus > 1 && !single_thread()) {
        tap_ok(overlapped > 0, "CPUs were at work during batches => %s "
               "(%u of %u)", overlapped ? "yes" : "no", overlapped, batches);
    }
    printf("# seen: %u of %u runs exact on %u CPU%s; %.2f M AtomicOps/s "
           "through the SMMU; CPUs at work in %u of %u batches\n", exact_runs,
           runs, cpus, cpus == 1 ? "" : "s",
           runs ? rate_sum / runs / 1e6 : 0.0, overlapped, batches);
    fabric_iommu_close(&iommu);
    return tap_done();
}

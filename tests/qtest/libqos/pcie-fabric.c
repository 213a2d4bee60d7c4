/*
 * A guest's view of a PCI Express topology, for qtests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 7.2.2 (ECAM), 7.5.1 (headers), 7.7 (MSI).
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/host-utils.h"
#include "qemu/units.h"
#include "pcie-fabric.h"

#define DEVFNS_PER_BUS          256
#define FUNCTIONS_PER_DEVICE    8
#define LAST_BUS                255
#define WINDOW_GRANULE          (1 * MiB)       /* sec 7.5.1.3.8 */
#define CAP_PTR_MASK            0xfc            /* sec 7.5.1.1.11 */
#define CAP_FIRST               PCI_STD_HEADER_SIZEOF
#define MAX_CAPS                48              /* 192 bytes / 4 */
#define MAX_EXT_CAPS            960             /* 3840 bytes / 4 */

QTestState *qfabric_boot(const char *devices)
{
    return qtest_initf(QFABRIC_MACHINE "%s", devices);
}

/* Configuration space accesses (sec 7.2.2) */

uint64_t qfabric_cfg_addr(const QFabricFn *fn, unsigned off)
{
    g_assert_cmpuint(off, <, PCI_CFG_SPACE_EXP_SIZE);
    return fn->fab->ecam + ((uint64_t)fn->bus << 20) +
           ((uint64_t)fn->devfn << 12) + off;
}

/* memread, not readw: the bytes of ECAM are little-endian on every host */
static void cfg_get(QFabricFn *fn, unsigned off, void *buf, unsigned len)
{
    g_assert_cmpuint(off % len, ==, 0);
    qtest_memread(fn->fab->qts, qfabric_cfg_addr(fn, off), buf, len);
}

static void cfg_put(QFabricFn *fn, unsigned off, const void *buf,
                    unsigned len)
{
    g_assert_cmpuint(off % len, ==, 0);
    qtest_memwrite(fn->fab->qts, qfabric_cfg_addr(fn, off), buf, len);
}

uint8_t qfabric_readb(QFabricFn *fn, unsigned off)
{
    uint8_t val;

    cfg_get(fn, off, &val, sizeof(val));
    return val;
}

uint16_t qfabric_readw(QFabricFn *fn, unsigned off)
{
    uint16_t val;

    cfg_get(fn, off, &val, sizeof(val));
    return le16_to_cpu(val);
}

uint32_t qfabric_readl(QFabricFn *fn, unsigned off)
{
    uint32_t val;

    cfg_get(fn, off, &val, sizeof(val));
    return le32_to_cpu(val);
}

void qfabric_writeb(QFabricFn *fn, unsigned off, uint8_t val)
{
    cfg_put(fn, off, &val, sizeof(val));
}

void qfabric_writew(QFabricFn *fn, unsigned off, uint16_t val)
{
    val = cpu_to_le16(val);
    cfg_put(fn, off, &val, sizeof(val));
}

void qfabric_writel(QFabricFn *fn, unsigned off, uint32_t val)
{
    val = cpu_to_le32(val);
    cfg_put(fn, off, &val, sizeof(val));
}

uint32_t qfabric_read(QFabricFn *fn, unsigned off, unsigned width)
{
    switch (width) {
    case 1:
        return qfabric_readb(fn, off);
    case 2:
        return qfabric_readw(fn, off);
    case 4:
        return qfabric_readl(fn, off);
    default:
        g_assert_not_reached();
    }
}

void qfabric_write(QFabricFn *fn, unsigned off, unsigned width, uint32_t val)
{
    switch (width) {
    case 1:
        qfabric_writeb(fn, off, val);
        break;
    case 2:
        qfabric_writew(fn, off, val);
        break;
    case 4:
        qfabric_writel(fn, off, val);
        break;
    default:
        g_assert_not_reached();
    }
}

void qfabric_snapshot(QFabricFn *fn, uint8_t buf[PCI_CFG_SPACE_EXP_SIZE])
{
    qtest_memread(fn->fab->qts, qfabric_cfg_addr(fn, 0), buf,
                  PCI_CFG_SPACE_EXP_SIZE);
}

/* Reports */

bool qfabric_expect(QFabricFn *fn, const char *what, uint64_t expected,
                    uint64_t got, const char *why)
{
    if (expected == got) {
        return true;
    }
    g_test_message("%s: %s: expected 0x%" PRIx64 ", got 0x%" PRIx64
                   " (differs in 0x%" PRIx64 ") [%s]", fn->name, what,
                   expected, got, expected ^ got, why);
    g_test_fail();
    return false;
}

unsigned qfabric_cap(QFabricFn *fn, uint8_t id)
{
    g_assert_cmpuint(id, <=, PCI_CAP_ID_MAX);
    if (!fn->cap[id]) {
        g_error("%s: no capability 0x%02x", fn->name, id);
    }
    return fn->cap[id];
}

unsigned qfabric_ext(QFabricFn *fn, uint16_t id)
{
    g_assert_cmpuint(id, <=, PCI_EXT_CAP_ID_MAX);
    if (!fn->ext[id]) {
        g_error("%s: no extended capability 0x%04x", fn->name, id);
    }
    return fn->ext[id];
}

/* Discovery */

static const char *type_name(const QFabricFn *fn)
{
    switch (fn->type) {
    case PCI_EXP_TYPE_ENDPOINT:
        return "endpoint";
    case PCI_EXP_TYPE_LEG_END:
        return "legacy endpoint";
    case PCI_EXP_TYPE_ROOT_PORT:
        return "root port";
    case PCI_EXP_TYPE_UPSTREAM:
        return "upstream port";
    case PCI_EXP_TYPE_DOWNSTREAM:
        return "downstream port";
    case PCI_EXP_TYPE_RC_END:
        return "RCiEP";
    default:
        return "function";
    }
}

/* Lists of capabilities (sec 7.5.1.1.11, 7.6.3); bounded against loops */
static void find_capabilities(QFabricFn *fn)
{
    unsigned pos, n, id;
    uint32_t head;

    memset(fn->cap, 0, sizeof(fn->cap));
    memset(fn->ext, 0, sizeof(fn->ext));
    fn->type = QFABRIC_TYPE_NONE;

    if (qfabric_readw(fn, PCI_STATUS) & PCI_STATUS_CAP_LIST) {
        pos = qfabric_readb(fn, PCI_CAPABILITY_LIST) & CAP_PTR_MASK;
        for (n = 0; pos >= CAP_FIRST && n < MAX_CAPS; n++) {
            id = qfabric_readb(fn, pos + PCI_CAP_LIST_ID);
            if (id <= PCI_CAP_ID_MAX && !fn->cap[id]) {
                fn->cap[id] = pos;
            }
            pos = qfabric_readb(fn, pos + PCI_CAP_LIST_NEXT) & CAP_PTR_MASK;
        }
    }
    if (!fn->cap[PCI_CAP_ID_EXP]) {
        return;
    }
    fn->type = (qfabric_cap_readw(fn, PCI_CAP_ID_EXP, PCI_EXP_FLAGS) &
                PCI_EXP_FLAGS_TYPE) >> ctz32(PCI_EXP_FLAGS_TYPE);

    pos = PCI_CFG_SPACE_SIZE;
    for (n = 0; pos >= PCI_CFG_SPACE_SIZE && n < MAX_EXT_CAPS; n++) {
        head = qfabric_readl(fn, pos);
        if (head == 0 || head == UINT32_MAX) {
            break;
        }
        id = PCI_EXT_CAP_ID(head);
        if (id <= PCI_EXT_CAP_ID_MAX && !fn->ext[id]) {
            fn->ext[id] = pos;
        }
        pos = PCI_EXT_CAP_NEXT(head) & ~3;
    }
}

static QFabricFn *take_handle(QFabric *fab, GPtrArray *old, QFabricFn *parent,
                              uint8_t devfn)
{
    QFabricFn *fn;
    unsigned i;

    for (i = 0; i < old->len; i++) {
        fn = g_ptr_array_index(old, i);
        if (fn && fn->parent == parent && fn->devfn == devfn) {
            g_ptr_array_index(old, i) = NULL;
            return fn;
        }
    }
    fn = g_new0(QFabricFn, 1);
    fn->fab = fab;
    fn->parent = parent;
    fn->devfn = devfn;
    return fn;
}

static void scan_bus(QFabric *fab, GPtrArray *old, QFabricFn *parent);

static void scan_function(QFabric *fab, GPtrArray *old, QFabricFn *fn)
{
    fn->present = true;
    fn->vendor = qfabric_readw(fn, PCI_VENDOR_ID);
    fn->device = qfabric_readw(fn, PCI_DEVICE_ID);
    fn->bridge = (qfabric_readb(fn, PCI_HEADER_TYPE) &
                  PCI_HEADER_TYPE_MASK) == PCI_HEADER_TYPE_BRIDGE;
    find_capabilities(fn);
    snprintf(fn->name, sizeof(fn->name), "%02x:%02x.%x %s", fn->bus,
             fn->devfn >> 3, fn->devfn & 7, type_name(fn));
    g_ptr_array_add(fab->fns, fn);

    if (fab->found) {
        fab->found(fn, fab->found_opaque);
    }
    if (!fn->bridge) {
        return;
    }
    /* Until its subtree is known a bridge claims all buses that are left */
    g_assert_cmpint(fab->next_bus, <=, LAST_BUS);
    fn->secondary = fab->next_bus++;
    qfabric_writeb(fn, PCI_PRIMARY_BUS, fn->bus);
    qfabric_writeb(fn, PCI_SECONDARY_BUS, fn->secondary);
    qfabric_writeb(fn, PCI_SUBORDINATE_BUS, LAST_BUS);
    scan_bus(fab, old, fn);
    fn->subordinate = fab->next_bus - 1;
    qfabric_writeb(fn, PCI_SUBORDINATE_BUS, fn->subordinate);
}

/* A link has one device, number 0; the bus inside a switch has up to 32 */
static unsigned devices_on(const QFabricFn *parent)
{
    if (parent && (parent->type == PCI_EXP_TYPE_ROOT_PORT ||
                   parent->type == PCI_EXP_TYPE_DOWNSTREAM)) {
        return FUNCTIONS_PER_DEVICE;
    }
    return DEVFNS_PER_BUS;
}

static void scan_bus(QFabric *fab, GPtrArray *old, QFabricFn *parent)
{
    QFabricFn probe = { .fab = fab, .bus = parent ? parent->secondary : 0 };
    unsigned devfn, end = devices_on(parent);
    uint32_t id;

    for (devfn = 0; devfn < end; devfn++) {
        QFabricFn *fn;
        bool multi;

        probe.devfn = devfn;
        id = qfabric_readl(&probe, PCI_VENDOR_ID);
        if (id == UINT32_MAX) {
            if (devfn % FUNCTIONS_PER_DEVICE == 0) {
                devfn += FUNCTIONS_PER_DEVICE - 1;
            }
            continue;
        }
        multi = qfabric_readb(&probe, PCI_HEADER_TYPE) & PCI_HEADER_TYPE_MFD;
        fn = take_handle(fab, old, parent, devfn);
        fn->bus = probe.bus;
        scan_function(fab, old, fn);
        if (!multi && devfn % FUNCTIONS_PER_DEVICE == 0) {
            devfn += FUNCTIONS_PER_DEVICE - 1;
        }
    }
}

static void retire(QFabric *fab, GPtrArray *old)
{
    unsigned i;

    for (i = 0; i < old->len; i++) {
        QFabricFn *fn = g_ptr_array_index(old, i);

        if (fn) {
            fn->present = false;
            g_ptr_array_add(fab->gone, fn);
        }
    }
}

bool qfabric_below(const QFabricFn *fn, const QFabricFn *bridge)
{
    for (fn = fn->parent; fn; fn = fn->parent) {
        if (fn == bridge) {
            return true;
        }
    }
    return false;
}

void qfabric_scan(QFabric *fab, QFabricFn *below)
{
    g_autoptr(GPtrArray) all = fab->fns;
    g_autoptr(GPtrArray) old = g_ptr_array_new();
    int last_bus = fab->next_bus;
    bool done = false;
    unsigned i;

    fab->fns = g_ptr_array_new();
    for (i = 0; i < all->len; i++) {
        if (!below || qfabric_below(g_ptr_array_index(all, i), below)) {
            g_ptr_array_add(old, g_ptr_array_index(all, i));
        }
    }
    if (!below) {
        fab->next_bus = 1;
        scan_bus(fab, old, NULL);
    }
    for (i = 0; below && i < all->len; i++) {
        QFabricFn *fn = g_ptr_array_index(all, i);

        if (qfabric_below(fn, below)) {
            continue;
        }
        g_ptr_array_add(fab->fns, fn);
        if (fn == below) {
            fab->next_bus = fn->secondary + 1;
            scan_bus(fab, old, fn);
            g_assert_cmpint(fab->next_bus - 1, <=, fn->subordinate);
            done = true;
        }
    }
    if (below) {
        g_assert_true(done);
        fab->next_bus = last_bus;
    }
    retire(fab, old);
}

/* Resources */

static uint64_t take_memory(uint64_t *next, uint64_t size)
{
    uint64_t addr = ROUND_UP(*next, size);

    *next = addr + size;
    return addr;
}

static uint32_t size_mask(QFabricFn *fn, unsigned off)
{
    uint32_t old = qfabric_readl(fn, off), mask;

    qfabric_writel(fn, off, UINT32_MAX);
    mask = qfabric_readl(fn, off);
    qfabric_writel(fn, off, old);
    return mask;
}

/* Sizing as in sec 7.5.1.2.1; decoding must be off. Returns BARs consumed. */
static unsigned program_bar(QFabricFn *fn, unsigned n)
{
    unsigned off = PCI_BASE_ADDRESS_0 + 4 * n;
    uint32_t lo = size_mask(fn, off);
    QFabricBar *bar = &fn->bar[n];
    uint64_t mask;

    memset(bar, 0, sizeof(*bar));
    if (lo == 0 || (lo & PCI_BASE_ADDRESS_SPACE_IO)) {
        return 1;
    }
    bar->prefetch = lo & PCI_BASE_ADDRESS_MEM_PREFETCH;
    bar->is_64 = (lo & PCI_BASE_ADDRESS_MEM_TYPE_MASK) ==
                 PCI_BASE_ADDRESS_MEM_TYPE_64;
    mask = lo & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK;
    if (bar->is_64) {
        mask |= (uint64_t)size_mask(fn, off + 4) << 32;
    } else {
        mask |= (uint64_t)UINT32_MAX << 32;
    }
    bar->size = -mask;
    bar->addr = take_memory(bar->is_64 && bar->prefetch ?
                            &fn->fab->next_mem64 : &fn->fab->next_mem32,
                            bar->size);
    qfabric_writel(fn, off, bar->addr);
    if (bar->is_64) {
        qfabric_writel(fn, off + 4, bar->addr >> 32);
    }
    return bar->is_64 ? 2 : 1;
}

/* Base above limit closes a window (sec 7.5.1.3.8, 7.5.1.3.9) */
static void program_windows(QFabricFn *fn, uint64_t base32, uint64_t end32,
                            uint64_t base64, uint64_t end64)
{
    uint64_t top32 = end32 - 1, top64 = end64 - 1;

    if (base32 == end32) {
        base32 = 0xfff00000;
        top32 = 0;
    }
    if (base64 == end64) {
        base64 = 0xfff00000;
        top64 = 0;
    }
    qfabric_writew(fn, PCI_MEMORY_BASE, (base32 >> 16) & 0xfff0);
    qfabric_writew(fn, PCI_MEMORY_LIMIT, (top32 >> 16) & 0xfff0);
    qfabric_writew(fn, PCI_PREF_MEMORY_BASE, (base64 >> 16) & 0xfff0);
    qfabric_writew(fn, PCI_PREF_MEMORY_LIMIT, (top64 >> 16) & 0xfff0);
    qfabric_writel(fn, PCI_PREF_BASE_UPPER32, base64 >> 32);
    qfabric_writel(fn, PCI_PREF_LIMIT_UPPER32, top64 >> 32);
}

static void program_below(QFabric *fab, QFabricFn *parent);

static void program_function(QFabric *fab, QFabricFn *fn)
{
    uint16_t cmd = qfabric_readw(fn, PCI_COMMAND);
    unsigned bars = fn->bridge ? 2 : PCI_STD_NUM_BARS, n;
    uint64_t base32, base64;

    qfabric_writew(fn, PCI_COMMAND, cmd & ~PCI_COMMAND_MEMORY);
    for (n = 0; n < bars; ) {
        n += program_bar(fn, n);
    }
    if (fn->bridge) {
        fab->next_mem32 = ROUND_UP(fab->next_mem32, WINDOW_GRANULE);
        fab->next_mem64 = ROUND_UP(fab->next_mem64, WINDOW_GRANULE);
        base32 = fab->next_mem32;
        base64 = fab->next_mem64;
        program_below(fab, fn);
        fab->next_mem32 = ROUND_UP(fab->next_mem32, WINDOW_GRANULE);
        fab->next_mem64 = ROUND_UP(fab->next_mem64, WINDOW_GRANULE);
        program_windows(fn, base32, fab->next_mem32, base64,
                        fab->next_mem64);
    }
    qfabric_writew(fn, PCI_COMMAND,
                   cmd | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void program_below(QFabric *fab, QFabricFn *parent)
{
    unsigned i;

    for (i = 0; i < fab->fns->len; i++) {
        QFabricFn *fn = g_ptr_array_index(fab->fns, i);

        if (fn->parent == parent) {
            program_function(fab, fn);
        }
    }
}

void qfabric_program(QFabric *fab)
{
    fab->next_mem32 = QFABRIC_MEM32_BASE;
    fab->next_mem64 = QFABRIC_MEM64_BASE;
    program_below(fab, NULL);
}

void qfabric_enumerate(QFabric *fab)
{
    qfabric_scan(fab, NULL);
    qfabric_program(fab);
}

QFabric *qfabric_new_bare(QTestState *qts)
{
    QFabric *fab = g_new0(QFabric, 1);

    fab->qts = qts;
    fab->ecam = QFABRIC_ECAM_BASE;
    fab->fns = g_ptr_array_new();
    fab->gone = g_ptr_array_new();
    return fab;
}

QFabric *qfabric_new(QTestState *qts)
{
    QFabric *fab = qfabric_new_bare(qts);

    qfabric_enumerate(fab);
    return fab;
}

void qfabric_free(QFabric *fab)
{
    if (!fab) {
        return;
    }
    g_ptr_array_set_free_func(fab->fns, g_free);
    g_ptr_array_set_free_func(fab->gone, g_free);
    g_ptr_array_unref(fab->fns);
    g_ptr_array_unref(fab->gone);
    g_free(fab);
}

/* Finding functions */

QFabricFn *qfabric_at(QFabric *fab, uint8_t bus, uint8_t devfn)
{
    unsigned i;

    for (i = 0; i < fab->fns->len; i++) {
        QFabricFn *fn = g_ptr_array_index(fab->fns, i);

        if (fn->bus == bus && fn->devfn == devfn) {
            return fn;
        }
    }
    return NULL;
}

QFabricFn *qfabric_nth(QFabric *fab, int type, unsigned n)
{
    unsigned i;

    for (i = 0; i < fab->fns->len; i++) {
        QFabricFn *fn = g_ptr_array_index(fab->fns, i);

        if (fn->type == type && n-- == 0) {
            return fn;
        }
    }
    return NULL;
}

QFabricFn *qfabric_child(QFabricFn *bridge, unsigned n)
{
    unsigned i;

    for (i = 0; i < bridge->fab->fns->len; i++) {
        QFabricFn *fn = g_ptr_array_index(bridge->fab->fns, i);

        if (fn->parent == bridge && n-- == 0) {
            return fn;
        }
    }
    return NULL;
}

/* Resets (sec 6.6.1, 6.6.2) */

void qfabric_secondary_bus_reset(QFabricFn *bridge)
{
    uint16_t ctl = qfabric_readw(bridge, PCI_BRIDGE_CONTROL);

    g_assert_true(bridge->bridge);
    qfabric_writew(bridge, PCI_BRIDGE_CONTROL,
                   ctl | PCI_BRIDGE_CTL_BUS_RESET);
    qfabric_expect(bridge, "Bridge Control while the bus is in reset",
                   ctl | PCI_BRIDGE_CTL_BUS_RESET,
                   qfabric_readw(bridge, PCI_BRIDGE_CONTROL),
                   "PCIe r6.0 sec 7.5.1.3.13");
    qfabric_writew(bridge, PCI_BRIDGE_CONTROL,
                   ctl & ~PCI_BRIDGE_CTL_BUS_RESET);
    qfabric_wait_for_links(bridge->fab);
}

/* Each level of switches trains when the one above is up: 10 ms each. */
void qfabric_wait_for_links(QFabric *fab)
{
    qtest_clock_step(fab->qts, 200 * 1000 * 1000);
}

void qfabric_flr(QFabricFn *fn)
{
    uint16_t ctl = qfabric_cap_readw(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL);

    qfabric_expect(fn, "DevCap FLR capability", PCI_EXP_DEVCAP_FLR,
                   qfabric_cap_readl(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCAP) &
                   PCI_EXP_DEVCAP_FLR, "PCIe r6.0 sec 6.6.2");
    qfabric_cap_writew(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL,
                       ctl | PCI_EXP_DEVCTL_BCR_FLR);
}

void qfabric_cold_reset(QFabric *fab)
{
    qtest_system_reset(fab->qts);
}

/* Messages (sec 7.7.1, 7.7.2) */

void qfabric_msi_arm(QFabricFn *fn, uint64_t addr, uint16_t data)
{
    unsigned cap = qfabric_cap(fn, PCI_CAP_ID_MSI);
    uint16_t flags = qfabric_readw(fn, cap + PCI_MSI_FLAGS);

    qtest_writel(fn->fab->qts, addr, 0);
    qfabric_writel(fn, cap + PCI_MSI_ADDRESS_LO, addr);
    if (flags & PCI_MSI_FLAGS_64BIT) {
        qfabric_writel(fn, cap + PCI_MSI_ADDRESS_HI, addr >> 32);
        qfabric_writew(fn, cap + PCI_MSI_DATA_64, data);
    } else {
        g_assert_cmphex(addr >> 32, ==, 0);
        qfabric_writew(fn, cap + PCI_MSI_DATA_32, data);
    }
    if (flags & PCI_MSI_FLAGS_MASKBIT) {
        qfabric_writel(fn, cap + (flags & PCI_MSI_FLAGS_64BIT ?
                                  PCI_MSI_MASK_64 : PCI_MSI_MASK_32), 0);
    }
    qfabric_writew(fn, cap + PCI_MSI_FLAGS,
                   (flags & ~PCI_MSI_FLAGS_QSIZE) | PCI_MSI_FLAGS_ENABLE);
}

uint64_t qfabric_msix_entry(QFabricFn *fn, unsigned vector)
{
    unsigned cap = qfabric_cap(fn, PCI_CAP_ID_MSIX);
    uint32_t table = qfabric_readl(fn, cap + PCI_MSIX_TABLE);
    unsigned size = (qfabric_readw(fn, cap + PCI_MSIX_FLAGS) &
                     PCI_MSIX_FLAGS_QSIZE) + 1;
    QFabricBar *bar = &fn->bar[table & PCI_MSIX_TABLE_BIR];

    g_assert_cmpuint(vector, <, size);
    g_assert_cmphex(bar->addr, !=, 0);
    return bar->addr + (table & PCI_MSIX_TABLE_OFFSET) +
           vector * PCI_MSIX_ENTRY_SIZE;
}

void qfabric_msix_arm(QFabricFn *fn, unsigned vector, uint64_t addr,
                      uint32_t data)
{
    QTestState *qts = fn->fab->qts;
    uint64_t entry = qfabric_msix_entry(fn, vector);
    unsigned flags = qfabric_cap(fn, PCI_CAP_ID_MSIX) + PCI_MSIX_FLAGS;

    qtest_writel(qts, addr, 0);
    qtest_writel(qts, entry + PCI_MSIX_ENTRY_LOWER_ADDR, addr);
    qtest_writel(qts, entry + PCI_MSIX_ENTRY_UPPER_ADDR, addr >> 32);
    qtest_writel(qts, entry + PCI_MSIX_ENTRY_DATA, data);
    qtest_writel(qts, entry + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
    qfabric_writew(fn, flags, (qfabric_readw(fn, flags) |
                               PCI_MSIX_FLAGS_ENABLE) &
                              ~PCI_MSIX_FLAGS_MASKALL);
}

uint32_t qfabric_msg_take(QFabric *fab, uint64_t addr)
{
    uint32_t val = qtest_readl(fab->qts, addr);

    qtest_writel(fab->qts, addr, 0);
    return val;
}

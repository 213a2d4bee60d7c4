/*
 * Links and their resets, for qtests of the PCIe fabric
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 6.6.1 (hot reset), 7.5.1.3.13 (Secondary Bus
 * Reset), 7.5.3.7 (Link Disable, Retrain Link).
 */
#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "pcie-fabric-link.h"

/* RW1C bits: sec 7.5.3.8, 7.5.3.11 */
#define LNKSTA_EVENTS   (PCI_EXP_LNKSTA_LBMS | PCI_EXP_LNKSTA_LABS)
#define SLTSTA_EVENTS   (PCI_EXP_SLTSTA_ABP | PCI_EXP_SLTSTA_PFD | \
                         PCI_EXP_SLTSTA_MRLSC | PCI_EXP_SLTSTA_PDC | \
                         PCI_EXP_SLTSTA_CC | PCI_EXP_SLTSTA_DLLSC)

static void change(QFabricFn *fn, unsigned off, uint16_t bit, bool on)
{
    uint16_t val = qfabric_readw(fn, off);

    qfabric_writew(fn, off, on ? val | bit : val & ~bit);
}

void qfabric_sbr(QFabricFn *port, bool on)
{
    change(port, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET, on);
}

void qfabric_link_disable(QFabricFn *port, bool on)
{
    change(port, qfabric_cap(port, PCI_CAP_ID_EXP) + PCI_EXP_LNKCTL,
           PCI_EXP_LNKCTL_LD, on);
}

void qfabric_link_retrain(QFabricFn *port)
{
    change(port, qfabric_cap(port, PCI_CAP_ID_EXP) + PCI_EXP_LNKCTL,
           PCI_EXP_LNKCTL_RL, true);
}

void qfabric_link_lose(QTestState *qts, const char *id)
{
    qtest_qmp_assert_success(qts, "{ 'execute': 'pcie-fabric-link-lose', "
                             "'arguments': { 'device': %s } }", id);
}

uint16_t qfabric_link_status(QFabricFn *port)
{
    return qfabric_cap_readw(port, PCI_CAP_ID_EXP, PCI_EXP_LNKSTA);
}

uint16_t qfabric_slot_status(QFabricFn *port)
{
    return qfabric_cap_readw(port, PCI_CAP_ID_EXP, PCI_EXP_SLTSTA);
}

void qfabric_clear_events(QFabricFn *port)
{
    qfabric_cap_writew(port, PCI_CAP_ID_EXP, PCI_EXP_SLTSTA, SLTSTA_EVENTS);
    qfabric_cap_writew(port, PCI_CAP_ID_EXP, PCI_EXP_LNKSTA, LNKSTA_EVENTS);
}

char *qfabric_link_state(QTestState *qts, const char *id)
{
    QDict *rsp = qtest_qmp(qts, "{ 'execute': 'query-pcie-fabric-links' }");
    char *state = NULL;
    QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(rsp, "return"), e) {
        QDict *d = qobject_to(QDict, qlist_entry_obj(e));

        if (g_str_equal(qdict_get_str(d, "device"), id)) {
            state = g_strdup(qdict_get_str(d, "state"));
        }
    }
    qobject_unref(rsp);
    g_assert_nonnull(state);
    return state;
}

void qfabric_set_prop(QTestState *qts, const char *id, const char *name,
                      int64_t value)
{
    g_autofree char *path = g_strdup_printf("/machine/peripheral/%s", id);

    qtest_qmp_assert_success(qts, "{ 'execute': 'qom-set', 'arguments': { "
                             "'path': %s, 'property': %s, 'value': %" PRId64
                             " } }", path, name, value);
}

void qfabric_step_ms(QTestState *qts, int64_t ms)
{
    qtest_clock_step(qts, ms * QFABRIC_MS);
}

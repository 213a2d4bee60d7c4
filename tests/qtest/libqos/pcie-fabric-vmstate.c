/*
 * Snapshots and migration, for qtests of the PCIe fabric
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "qobject/qdict.h"
#include "pcie-fabric-vmstate.h"

#define IMAGE_MIB       256

void qfabric_files_open(QFabricFiles *f)
{
    g_autoptr(GError) error = NULL;

    f->dir = g_dir_make_tmp("qemu-rig-XXXXXX", &error);
    g_assert_no_error(error);
    f->image = g_build_filename(f->dir, "vm.qcow2", NULL);
    f->stream = g_build_filename(f->dir, "stream", NULL);
}

void qfabric_files_close(QFabricFiles *f)
{
    g_unlink(f->image);
    g_unlink(f->stream);
    g_rmdir(f->dir);
    g_free(f->dir);
    g_free(f->image);
    g_free(f->stream);
}

char *qfabric_files_drive(const QFabricFiles *f)
{
    g_assert_true(mkimg(f->image, "qcow2", IMAGE_MIB));
    return g_strdup_printf("-drive if=none,id=vm,format=qcow2,file=%s ",
                           f->image);
}

bool qfabric_hmp_quiet(QTestState *qts, const char *command)
{
    g_autofree char *answer = qtest_hmp(qts, "%s", command);

    g_strstrip(answer);
    if (*answer) {
        g_test_message("HMP %s: %s", command, answer);
        g_test_fail();
        return false;
    }
    return true;
}

/* Whether it completed; the other end of a migration is "failed" */
static bool wait_migrated(QTestState *qts)
{
    for (;;) {
        QDict *event = qtest_qmp_eventwait_ref(qts, "MIGRATION");
        QDict *data = qdict_get_qdict(event, "data");
        g_autofree char *status = g_strdup(qdict_get_str(data, "status"));

        qobject_unref(event);
        if (g_str_equal(status, "completed")) {
            return true;
        }
        if (g_str_equal(status, "failed")) {
            return false;
        }
    }
}

static void enable_events(QTestState *qts)
{
    qtest_qmp_assert_success(qts,
        "{ 'execute': 'migrate-set-capabilities', 'arguments': {"
        "  'capabilities': [ { 'capability': 'events', 'state': true } ] } }");
}

void qfabric_migrate_out(QTestState *qts, const char *uri)
{
    enable_events(qts);
    qtest_qmp_assert_success(qts,
        "{ 'execute': 'migrate', 'arguments': { 'uri': %s } }", uri);
    g_assert_true(wait_migrated(qts));
}

bool qfabric_migrate_in(QTestState *qts, const char *uri)
{
    enable_events(qts);
    qtest_qmp_assert_success(qts,
        "{ 'execute': 'migrate-incoming', 'arguments': { 'uri': %s } }",
        uri);
    if (wait_migrated(qts)) {
        return true;
    }
    qtest_set_expected_status(qts, EXIT_FAILURE);
    qtest_wait_qemu(qts);
    return false;
}

/*
 * Command lines that QEMU refuses, for qtests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "refusal.h"

#define SENTINEL        "rig-no-such-device"

/* Returns the wait status; *message is what QEMU printed */
static int run_qemu(const char *machine, const Refusal *r, char **message)
{
    g_autofree char *device = g_shell_quote(r->device);
    /* Devices in JSON are made after all others. */
    g_autofree char *rest = g_strdup_printf(
        "%s -accel qtest -display none -S %s -device %s -device %s", machine,
        r->before, device, r->device[0] == '{' ?
        "'{\"driver\":\"" SENTINEL "\"}'" : SENTINEL);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) args = NULL;
    int status, i;

    g_shell_parse_argv(rest, NULL, &args, &error);
    g_assert_no_error(error);
    g_ptr_array_add(argv, (char *)g_getenv("QTEST_QEMU_BINARY"));
    for (i = 0; args[i]; i++) {
        g_ptr_array_add(argv, args[i]);
    }
    g_ptr_array_add(argv, NULL);
    g_spawn_sync(NULL, (char **)argv->pdata, NULL,
                 G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL,
                 message, &status, &error);
    g_assert_no_error(error);
    return status;
}

void refusal_check(const char *machine, const Refusal *r)
{
    g_autofree char *text = NULL;
    const char *message;
    int status = run_qemu(machine, r, &text);
    unsigned i;

    if (!WIFEXITED(status) || WEXITSTATUS(status) != 1) {
        g_test_message("wait status 0x%x, expected exit status 1", status);
        g_test_fail();
    }
    if (strstr(text, SENTINEL)) {
        g_test_message("accepted: -device %s", r->device);
        g_test_fail();
        return;
    }
    /* QEMU quotes the option first; only what follows is the message */
    message = strstr(text, r->device);
    message = message ? message + strlen(r->device) : text;
    for (i = 0; i < REFUSAL_WORDS && r->words[i]; i++) {
        if (!strstr(message, r->words[i])) {
            g_test_message("\"%s\" is not in the message: %s", r->words[i],
                           text);
            g_test_fail();
        }
    }
}

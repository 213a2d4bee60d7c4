/*
 * Properties of ipmi-bmc-multi: each has its effect
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A legal value that is not the default, and where a guest sees it.
 *
 * Specification: IPMI v2.0 rev 1.1, sec 20.1, 22.24, 34; Platform Management
 * FRU Information Storage Definition v1.0.
 */
#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "libqos/ipmi-host.h"
#include "qemu/units.h"

#define CHANNEL_7   "-device ipmi-channel,bmc=bmc0,number=7,medium=lan "

typedef struct Row {
    const char *name, *value;
    const char *devices;        /* after the BMC */
    const char *request, *answer, *by_default;
} Row;

/* Get Device ID; Get Channel Info of a second interface */
static const Row rows[] = {
    { "device_id", "0x33", "", "06 01", "00 33 81 01 00 02 bf *",
      "00 20 81 01 00 02 bf *" },
    { "device_rev", "5", "", "06 01", "00 20 85 01 00 02 bf *",
      "00 20 81 *" },
    { "fwrev1", "0x12", "", "06 01", "00 20 81 12 00 02 bf *",
      "00 20 81 01 *" },
    { "fwrev2", "0x34", "", "06 01", "00 20 81 01 34 02 bf *",
      "00 20 81 01 00 *" },
    { "ipmi_version", "0x51", "", "06 01", "00 20 81 01 00 51 bf *",
      "00 20 81 01 00 02 *" },
    { "support", "0x0d", "", "06 01", "00 20 81 01 00 02 0d *",
      "00 20 81 01 00 02 bf *" },
    { "mfg_id", "0x54321", "", "06 01",
      "00 20 81 01 00 02 bf 21 43 05 00 00",
      "00 20 81 01 00 02 bf 00 00 00 00 00" },
    { "product_id", "0x1234", "", "06 01",
      "00 20 81 01 00 02 bf 00 00 00 34 12",
      "00 20 81 01 00 02 bf 00 00 00 00 00" },
    { "aux_fwrev", "0x11223344", "", "06 01",
      "00 20 81 01 00 02 bf 00 00 00 00 00 44 33 22 11",
      "00 20 81 01 00 02 bf 00 00 00 00 00" },
    { "second-interface", "9", QIPMI_BT, "06 42 09",
      "00 09 0c 05 00 f2 1b 00 10 10", "cc" },
    { "second-interface", "9", QIPMI_BT, "06 42 07", "cc",
      "00 07 0c 05 00 f2 1b 00 10 10" },
    /* a channel has the number: the highest that is free */
    { "second-interface", "7", CHANNEL_7 QIPMI_BT, "06 42 0b",
      "00 0b 0c 05 00 f2 1b 00 10 10", "00 0b 0c *" },
};

static QTestState *boot(QIPMI *p, const char *bmc, const char *devices)
{
    g_autofree char *args = g_strconcat(bmc, devices, QIPMI_KCS, NULL);
    QTestState *qts = qipmi_boot(args);

    qipmi_open(p, qts, QIPMI_KCS_SLOT);
    return qts;
}

static void test_row(const void *opaque)
{
    const Row *r = opaque;
    g_autofree char *bmc = g_strdup_printf("-device ipmi-bmc-multi,id=bmc0,"
                                           "%s=%s ", r->name, r->value);
    QTestState *qts;
    QIPMI p;

    qts = boot(&p, QIPMI_BMC, r->devices);
    qipmi_expect(&p, r->request, r->by_default);
    qtest_quit(qts);
    qts = boot(&p, bmc, r->devices);
    qipmi_expect(&p, r->request, r->answer);
    qtest_quit(qts);
}

/* All bytes of a FRU */
static GByteArray *read_fru(QIPMI *p, unsigned fru, unsigned size)
{
    GByteArray *all = g_byte_array_new();
    unsigned at;

    for (at = 0; at < size; at += 64) {
        uint8_t req[4] = { fru, at & 0xff, at >> 8, 64 };
        QIPMIRsp rsp;

        g_assert_cmphex(qipmi_cmd(p, 0x0a, 0x11, req, sizeof(req), &rsp), ==,
                        0);
        g_byte_array_append(all, rsp.data + 1, rsp.data[0]);
    }
    return all;
}

/* Is @text a field: its type and length, and then itself? */
static bool has_field(const GByteArray *fru, const char *text)
{
    unsigned len = strlen(text), i;

    for (i = 0; i + 1 + len <= fru->len; i++) {
        if (fru->data[i] == (0xc0 | len) &&
            !memcmp(fru->data + i + 1, text, len)) {
            return true;
        }
    }
    return false;
}

static void test_fru_texts(void)
{
    static const struct {
        unsigned fru;
        const char *text, *not;
    } want[] = {
        { 0, "Acme Rockets", "qemu-rig" },
        { 0, "Anvil 9000", "virtual server" },
        { 0, "SN-77", "0000000000" },
        { 1, "Acme Rockets", "Anvil 9000" },
        { 1, "SN-77-1", "SN-77" },
        { 3, "SN-77-3", "0000000000" },
    };
    QTestState *qts;
    unsigned i;
    QIPMI p;

    qts = boot(&p, "-device 'ipmi-bmc-multi,id=bmc0,manufacturer=Acme Rockets,"
               "product=Anvil 9000,serial=SN-77' ", "");
    for (i = 0; i < ARRAY_SIZE(want); i++) {
        g_autoptr(GByteArray) fru = read_fru(&p, want[i].fru, 2048);

        g_assert_true(has_field(fru, want[i].text));
        g_assert_false(has_field(fru, want[i].not));
    }
    qtest_quit(qts);
}

/* FRU 1 from a file, the others built in */
static void test_fru_files(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *name = NULL;
    g_autofree char *devices = NULL;
    g_autoptr(GByteArray) fru = NULL;
    g_autoptr(GByteArray) other = NULL;
    uint8_t data[100];
    QTestState *qts;
    unsigned i;
    QIPMI p;
    int fd;

    for (i = 0; i < sizeof(data); i++) {
        data[i] = 255 - i;
    }
    fd = g_file_open_tmp("qemu-rig-XXXXXX", &name, &error);
    g_assert_no_error(error);
    g_assert_cmpint(write(fd, data, sizeof(data)), ==, sizeof(data));
    close(fd);
    /* Devices in JSON are made after the others. */
    devices = g_strdup_printf(
        "-device '{\"driver\":\"ipmi-bmc-multi\",\"id\":\"bmc0\","
        "\"fru-size\":1024,\"fru-files\":[\"\",\"%s\"]}' "
        "-device '{\"driver\":\"pci-ipmi-kcs\",\"bmc\":\"bmc0\","
        "\"addr\":\"4\",\"id\":\"kcs0\"}'", name);
    qts = qipmi_boot(devices);
    qipmi_open(&p, qts, QIPMI_KCS_SLOT);
    qipmi_expect(&p, "0a 10 01", "00 00 04 00");
    fru = read_fru(&p, 1, 1024);
    g_assert_cmpmem(fru->data, sizeof(data), data, sizeof(data));
    for (i = sizeof(data); i < fru->len; i++) {
        g_assert_cmphex(fru->data[i], ==, 0);
    }
    other = read_fru(&p, 2, 1024);
    g_assert_true(has_field(other, "Power Supply 900W"));
    qtest_quit(qts);
    g_unlink(name);
}

/* sec 28.15: minutes, kept on the drive once an hour; a killed QEMU too */
static void test_poh(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *name = NULL;
    g_autofree char *bmc = NULL;
    QTestState *qts;
    QIPMI p;
    int fd;

    fd = g_file_open_tmp("qemu-rig-XXXXXX", &name, &error);
    g_assert_no_error(error);
    g_assert_cmpint(ftruncate(fd, 2 * MiB), ==, 0);
    close(fd);
    bmc = g_strdup_printf("-blockdev driver=raw,node-name=d0,file.driver=file,"
        "file.cache.no-flush=on,file.filename=%s "
        "-device ipmi-bmc-multi,id=bmc0,drive=d0 ", name);
    qts = boot(&p, bmc, "");
    qipmi_expect(&p, "00 0f", "00 01 00 00 00 00");
    qipmi_wait(qts, 59 * 60000 + 59000);
    qtest_quit(qts);
    qts = boot(&p, bmc, "");
    qipmi_expect(&p, "00 0f", "00 01 00 00 00 00");
    qipmi_wait(qts, 90 * 60000);
    qipmi_expect(&p, "00 0f", "00 01 5a 00 00 00");
    qtest_quit(qts);
    qts = boot(&p, bmc, "");
    qipmi_expect(&p, "00 0f", "00 01 3c 00 00 00");
    qipmi_wait(qts, 61 * 60000);
    qtest_quit(qts);
    qts = boot(&p, bmc, "");
    qipmi_expect(&p, "00 0f", "00 01 78 00 00 00");
    qtest_quit(qts);
    g_unlink(name);
}

int main(int argc, char **argv)
{
    unsigned i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *path = g_strdup_printf("/ipmi/property/%s/%u",
                                                rows[i].name, i);

        qtest_add_data_func(path, &rows[i], test_row);
    }
    qtest_add_func("/ipmi/property/fru-texts", test_fru_texts);
    qtest_add_func("/ipmi/property/fru-files", test_fru_files);
    qtest_add_func("/ipmi/property/poh", test_poh);
    return g_test_run();
}

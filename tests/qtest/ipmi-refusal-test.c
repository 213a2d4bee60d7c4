/*
 * Command lines that ipmi-bmc-multi and its channels refuse
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "libqos/ipmi-port.h"
#include "libqos/refusal.h"

#define IPMB(opts)      "-device ipmi-channel,bmc=bmc0" opts " "
#define FAULT(members) \
    "{\"driver\":\"ipmi-bmc-multi\",\"faults\":[{" members "}]}"

/* A BMC with a rule for a channel that comes later */
#define STUCK(chan) \
    "-device '{\"driver\":\"ipmi-bmc-multi\",\"id\":\"bmc0\",\"faults\":" \
    "[{\"action\":\"stuck\",\"channel\":" chan "}]}' "

static const Refusal refusals[] = {
    /* The BMC */
    { "bmc/version", "", "ipmi-bmc-multi,ipmi_version=0x20",
      { "ipmi_version", "0x20", "0x02", "0x51" } },
    { "bmc/slave-address-odd", "", "ipmi-bmc-multi,slave_addr=0x21",
      { "slave_addr", "0x21", "even", "0x10", "0xee" } },
    { "bmc/slave-address-low", "", "ipmi-bmc-multi,slave_addr=0",
      { "slave_addr", "even", "0x10", "0xee" } },
    { "bmc/slave-address-high", "", "ipmi-bmc-multi,slave_addr=0xf0",
      { "slave_addr", "0xf0", "0xee" } },
    { "bmc/manufacturer", "", "ipmi-bmc-multi,mfg_id=0x100000",
      { "mfg_id", "1048576" } },
    { "bmc/guid", "", "ipmi-bmc-multi,guid=12345", { "guid", "12345" } },
    { "bmc/second-interface", "", "ipmi-bmc-multi,second-interface=12",
      { "second-interface", "12", "0 to 11" } },
    { "bmc/sel-few", "", "ipmi-bmc-multi,sel-entries=15",
      { "sel-entries", "15", "16", "4096" } },
    { "bmc/sel-many", "", "ipmi-bmc-multi,sel-entries=4097",
      { "sel-entries", "4097", "16", "4096" } },
    { "bmc/sdr-small", "", "ipmi-bmc-multi,sdr-size=2047",
      { "sdr-size", "2047", "2048", "65528" } },
    { "bmc/sdr-big", "", "ipmi-bmc-multi,sdr-size=65529",
      { "sdr-size", "65529", "2048", "65528" } },
    { "bmc/fru-small", "", "ipmi-bmc-multi,fru-size=1023",
      { "fru-size", "1023", "1024", "8192" } },
    { "bmc/fru-big", "", "ipmi-bmc-multi,fru-size=8193",
      { "fru-size", "8193", "1024", "8192" } },
    { "bmc/sdr-file", "", "ipmi-bmc-multi,sdr-file=/nonexistent",
      { "sdr-file", "/nonexistent" } },
    { "bmc/sdr-file-no-sdr", "", "ipmi-bmc-multi,sdr-file=/proc/version",
      { "sdr-file", "/proc/version", "offset 0" } },
    /* files without an end */
    { "bmc/sdr-file-endless", "", "ipmi-bmc-multi,sdr-file=/dev/zero",
      { "sdr-file", "/dev/zero", "sdr-size=16384" } },
    { "bmc/fru-file-endless", "",
      "{\"driver\":\"ipmi-bmc-multi\",\"fru-files\":[\"/dev/zero\"]}",
      { "fru-files", "/dev/zero", "fru-size=2048" } },
    { "bmc/five-frus", "",
      "{\"driver\":\"ipmi-bmc-multi\",\"fru-files\":"
      "[\"\",\"\",\"\",\"\",\"\"]}",
      { "fru-files", "5", "4" } },
    /* Faults: members that do not go together */
    { "fault/unknown", "", FAULT("\"action\":\"explode\""), { "explode" } },
    { "fault/delay-without-time", "", FAULT("\"action\":\"delay\""),
      { "delay", "delay-ms is missing" } },
    { "fault/member-of-another", "",
      FAULT("\"action\":\"drop\",\"code\":1"), { "drop", "code" } },
    { "fault/first", "", FAULT("\"action\":\"drop\",\"first\":0"),
      { "first", "at least 1" } },
    { "fault/netfn-odd", "", FAULT("\"action\":\"drop\",\"netfn\":7"),
      { "netfn", "even" } },
    { "fault/netfn-high", "", FAULT("\"action\":\"drop\",\"netfn\":64"),
      { "netfn", "62" } },
    { "fault/channel", "", FAULT("\"action\":\"drop\",\"channel\":16"),
      { "channel", "0 to 15" } },
    { "fault/no-channel", "",
      FAULT("\"action\":\"drop\",\"channel\":13"), { "drop", "12 to 14" } },
    { "fault/stuck-out", "",
      FAULT("\"action\":\"stuck\",\"direction\":\"out\""),
      { "stuck", "system interface", "in" } },
    { "fault/system-out", "",
      FAULT("\"action\":\"drop\",\"channel\":15,\"direction\":\"out\""),
      { "drop", "15", "in" } },
    { "fault/repeat-on-port", "",
      FAULT("\"action\":\"repeat\",\"channel\":15"),
      { "repeat", "system interface" } },
    { "fault/stuck-on-channel", STUCK("0"),
      "{\"driver\":\"ipmi-channel\",\"bmc\":\"bmc0\",\"number\":0}",
      { "stuck", "channel 0" } },
    { "fault/times", "", FAULT("\"action\":\"repeat\",\"times\":1001"),
      { "times", "1 to 1000" } },
    { "fault/bytes", "", FAULT("\"action\":\"extend\",\"bytes\":0"),
      { "bytes", "1 to 255" } },
    /* Channels */
    { "channel/no-bmc", "", "ipmi-channel", { "bmc is missing" } },
    { "channel/number", QIPMI_BMC, "ipmi-channel,bmc=bmc0,number=12",
      { "number=12", "0 to 11" } },
    { "channel/twice", QIPMI_BMC IPMB(",number=3"),
      "ipmi-channel,bmc=bmc0,number=3,medium=lan",
      { "number=3", "already" } },
    { "channel/primary-ipmb", QIPMI_BMC, "ipmi-channel,bmc=bmc0,medium=lan",
      { "number=0", "ipmb" } },
    { "channel/medium", QIPMI_BMC,
      "ipmi-channel,bmc=bmc0,number=1,medium=avian",
      { "medium", "avian", "icmb-v09", "oem" } },
    { "channel/sessions", QIPMI_BMC,
      "ipmi-channel,bmc=bmc0,number=1,sessions=some",
      { "sessions", "some", "switchable" } },
    { "channel/access-mode", QIPMI_BMC,
      "ipmi-channel,bmc=bmc0,number=1,medium=lan,access-mode=4",
      { "access-mode", "4", "3 (shared)" } },
    { "channel/privilege-none", QIPMI_BMC,
      "ipmi-channel,bmc=bmc0,number=1,medium=lan,privilege-limit=0",
      { "privilege-limit", "0", "1 (callback)", "5 (OEM)" } },
    { "channel/privilege-high", QIPMI_BMC,
      "ipmi-channel,bmc=bmc0,number=1,medium=lan,privilege-limit=6",
      { "privilege-limit", "6", "1 (callback)", "5 (OEM)" } },
    { "channel/protocol", QIPMI_BMC,
      "ipmi-channel,bmc=bmc0,number=1,protocol=0x20",
      { "protocol", "0x20", "0x1f" } },
    { "channel/second-interface", QIPMI_BMC QIPMI_KCS QIPMI_BT,
      "ipmi-channel,bmc=bmc0,number=7", { "number=7", "second system" } },
    { "channel/second-interface-elsewhere",
      QIPMI_BMC IPMB(",number=7") QIPMI_KCS QIPMI_BT,
      "ipmi-channel,bmc=bmc0,number=11", { "number=11", "second system" } },
    /* Satellites */
    { "satellite/no-bmc", "", "ipmi-ipmb-mc", { "bmc is missing" } },
    { "satellite/no-channel", QIPMI_BMC, "ipmi-ipmb-mc,bmc=bmc0",
      { "channel=0", "medium=ipmb", "before it" } },
    { "satellite/no-ipmb", QIPMI_BMC IPMB(",number=1,medium=lan"),
      "ipmi-ipmb-mc,bmc=bmc0,channel=1", { "channel=1", "medium=ipmb" } },
    { "satellite/channel", QIPMI_BMC, "ipmi-ipmb-mc,bmc=bmc0,channel=200",
      { "channel=200", "medium=ipmb" } },
    { "satellite/odd", QIPMI_BMC IPMB(""),
      "ipmi-ipmb-mc,bmc=bmc0,address=0x83",
      { "address=0x83", "even", "0x10", "0xee" } },
    { "satellite/bmc's", QIPMI_BMC IPMB(""),
      "ipmi-ipmb-mc,bmc=bmc0,address=0x20",
      { "address=0x20", "of the BMC" } },
    { "satellite/twice", QIPMI_BMC IPMB("") "-device ipmi-ipmb-mc,bmc=bmc0 ",
      "ipmi-ipmb-mc,bmc=bmc0,address=0x82", { "address=0x82", "taken" } },
};

static void test_refusal(const void *data)
{
    refusal_check(QIPMI_MACHINE, data);
}

int main(int argc, char **argv)
{
    unsigned i;

    g_test_init(&argc, &argv, NULL);
    g_assert_nonnull(g_getenv("QTEST_QEMU_BINARY"));
    for (i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *path = g_strdup_printf("/ipmi/refused/%s",
                                                refusals[i].name);

        qtest_add_data_func(path, &refusals[i], test_refusal);
    }
    return g_test_run();
}

/*
 * IPMI BMC with many channels: all that it keeps, watches and switches
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 20.2 and 20.3 (resets).
 */

#include "qemu/osdep.h"
#include "records.h"

static void set_clocks(IPMIRecords *r)
{
    uint32_t now = r->sel_time ?: ipmi_clock_machine();

    /* It is read once; from then on it is virtual time. */
    ipmi_clock_set(&r->sel.clock, now);
    ipmi_clock_set(&r->sdr.clock, now);
}

bool ipmi_records_init(IPMIRecords *r, const char *name, uint8_t address,
                       Error **errp)
{
    r->rate.name = name;
    ipmi_store_init(&r->store, name);
    ipmi_params_dir_init(&r->params, &r->store);
    set_clocks(r);
    if (!ipmi_sel_init(&r->sel, &r->store, errp)) {
        return false;
    }
    if (!ipmi_sdr_init(&r->sdr, &r->store, r->sdr_file, errp)) {
        goto err_sel;
    }
    ipmi_sdr_copy(&r->dev, &r->sdr);
    if (!ipmi_frus_init(&r->frus, &r->store, errp)) {
        goto err_sdr;
    }
    ipmi_events_init(&r->events, &r->sel, address);
    ipmi_chassis_init(&r->chassis, &r->store, &r->params, &r->sensors,
                      &r->rate);
    ipmi_watchdog_init(&r->watchdog, &r->chassis);
    ipmi_settings_init(&r->settings, &r->store, &r->params);
    ipmi_users_init(&r->users, &r->store);
    ipmi_chans_init(&r->chans, &r->store);
    if (!ipmi_store_open(&r->store, errp) ||
        !ipmi_sensors_init(&r->sensors, &r->sdr, &r->dev, &r->events, address,
                           errp)) {
        goto err_store;
    }
    ipmi_meter_init(&r->meter, &r->sensors);
    return true;

err_store:
    ipmi_store_close(&r->store);
    ipmi_watchdog_exit(&r->watchdog);
    ipmi_chassis_exit(&r->chassis);
    ipmi_frus_exit(&r->frus);
err_sdr:
    ipmi_sdr_exit(&r->dev);
    ipmi_sdr_exit(&r->sdr);
err_sel:
    ipmi_sel_exit(&r->sel);
    return false;
}

void ipmi_records_exit(IPMIRecords *r)
{
    ipmi_store_close(&r->store);
    ipmi_sensors_exit(&r->sensors);
    ipmi_watchdog_exit(&r->watchdog);
    ipmi_chassis_exit(&r->chassis);
    ipmi_frus_exit(&r->frus);
    ipmi_sdr_exit(&r->dev);
    ipmi_sdr_exit(&r->sdr);
    ipmi_sel_exit(&r->sel);
}

/* sec 31.4, 33.11: no reservation outlives a reset */
static void unreserve_all(IPMIRecords *r)
{
    ipmi_unreserve(&r->sel.reservation, &r->sel.partial);
    ipmi_unreserve(&r->sdr.reservation, &r->sdr.partial);
    ipmi_unreserve(&r->dev.reservation, &r->dev.partial);
}

void ipmi_records_system_reset(IPMIRecords *r, bool snapshot)
{
    /* All of the state is about to be loaded. */
    if (snapshot) {
        return;
    }
    unreserve_all(r);
    ipmi_watchdog_stop(&r->watchdog);
    ipmi_chassis_restart(&r->chassis);
}

/*
 * sec 20.2, 20.3: a Cold Reset brings all that is volatile to its defaults and
 * runs the initialisation agent; a Warm Reset ends what is under way.
 */
void ipmi_records_bmc_reset(IPMIRecords *r, bool cold)
{
    unreserve_all(r);
    r->sdr.update = false;
    ipmi_settings_end_progress(&r->settings);
    ipmi_params_end_progress(&r->chassis.boot.params);
    if (cold) {
        ipmi_watchdog_reset(&r->watchdog);
        ipmi_events_reset(&r->events);
        ipmi_chans_reset(&r->chans);
        ipmi_sensors_agent(&r->sensors);
    }
}

static int records_pre_save(void *opaque)
{
    IPMIRecords *r = opaque;

    ipmi_events_flush(&r->events);
    return 0;
}

static int records_post_load(void *opaque, int version_id)
{
    IPMIRecords *r = opaque;

    r->events.n_waiting = 0;
    ipmi_store_stale(&r->store);
    return 0;
}

const VMStateDescription vmstate_ipmi_records = {
    .name = "ipmi-bmc-multi/records",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = records_pre_save,
    .post_load = records_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT(sel, IPMIRecords, 1, vmstate_ipmi_sel, IPMISel),
        VMSTATE_UINT8(events.receiver, IPMIRecords),
        VMSTATE_UINT8(events.receiver_lun, IPMIRecords),
        VMSTATE_STRUCT(sdr, IPMIRecords, 1, vmstate_ipmi_sdr, IPMISdr),
        VMSTATE_STRUCT(dev.reservation, IPMIRecords, 1,
                       vmstate_ipmi_reservation, IPMIReservation),
        VMSTATE_STRUCT(frus, IPMIRecords, 1, vmstate_ipmi_frus, IPMIFrus),
        VMSTATE_STRUCT(sensors, IPMIRecords, 1, vmstate_ipmi_sensors,
                       IPMISensors),
        VMSTATE_STRUCT(meter, IPMIRecords, 1, vmstate_ipmi_meter, IPMIMeter),
        VMSTATE_STRUCT(settings, IPMIRecords, 1, vmstate_ipmi_settings,
                       IPMISettings),
        VMSTATE_STRUCT(chassis, IPMIRecords, 1, vmstate_ipmi_chassis,
                       IPMIChassis),
        VMSTATE_STRUCT(watchdog, IPMIRecords, 1, vmstate_ipmi_watchdog,
                       IPMIWatchdog),
        VMSTATE_STRUCT(users, IPMIRecords, 1, vmstate_ipmi_users, IPMIUsers),
        VMSTATE_STRUCT(chans, IPMIRecords, 1, vmstate_ipmi_chans, IPMIChans),
        VMSTATE_END_OF_LIST()
    }
};

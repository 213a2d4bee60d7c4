/*
 * IPMI BMC with many channels: QMP commands
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Schema: qapi/ipmi-bmc-multi.json
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-ipmi-bmc-multi.h"
#include "channel.h"
#include "hex.h"
#include "port.h"
#include "qemu/bswap.h"

/* What a peer is called unless the command says otherwise */
#define DEFAULT_REQUESTER   0x82
#define DEFAULT_RESPONDER   0x72
#define DEFAULT_HANDLE      7

static IPMIBmcMulti *find_bmc(const char *name, Error **errp)
{
    /* An empty path would be that of any BMC that is alone. */
    Object *obj = *name ? object_resolve_path_type(name, TYPE_IPMI_BMC_MULTI,
                                                   NULL) : NULL;

    if (!obj) {
        error_setg(errp, "'%s' is not an " TYPE_IPMI_BMC_MULTI, name);
        return NULL;
    }
    return IPMI_BMC_MULTI(obj);
}

static IPMIChannel *find_channel(const char *name, uint8_t number, Error **errp)
{
    IPMIBmcMulti *s = find_bmc(name, errp);

    if (!s) {
        return NULL;
    }
    if (number >= IPMI_MULTI_CHANNELS || !s->channels[number]) {
        error_setg(errp, "'%s' has no ipmi-channel with number=%u", name,
                   number);
        return NULL;
    }
    return s->channels[number];
}

/*
 * What is there
 */

static IpmiInterfaceInfo *interface_info(IPMIBmcPort *p)
{
    IpmiInterfaceInfo *info = g_new0(IpmiInterfaceInfo, 1);

    info->channel = p->chan;
    info->type = g_strdup(object_get_typename(OBJECT(p->parent_obj.intf)));
    info->busy = p->busy;
    info->attention = p->atn;
    info->requests = p->requests;
    return info;
}

static IpmiChannelInfo *channel_info(IPMIChannel *c)
{
    IpmiChannelInfo *info = g_new0(IpmiChannelInfo, 1);
    const IPMIChan *chan = ipmi_channel_chan(c);

    info->number = c->number;
    info->medium = c->medium;
    info->receive_enabled = chan->receive;
    info->access_mode = IPMI_CHAN_MODE(chan->vol.access);
    info->privilege_limit = chan->vol.limit;
    info->received = chan->n_received;
    info->sent = chan->n_sent;
    info->queued = chan->n_queued;
    info->dropped = chan->n_dropped;
    info->unread = c->sent_n;
    return info;
}

static IpmiBmcInfo *bmc_info(IPMIBmcMulti *s)
{
    IpmiBmcInfo *info = g_new0(IpmiBmcInfo, 1);
    IpmiInterfaceInfoList **port_tail = &info->interfaces;
    IpmiChannelInfoList **channel_tail = &info->channels;
    int i;

    info->bmc = g_strdup(ipmi_bmc_name(s));
    for (i = 0; i < IPMI_PORTS; i++) {
        if (s->ports[i]) {
            QAPI_LIST_APPEND(port_tail, interface_info(s->ports[i]));
        }
    }
    for (i = 0; i < IPMI_MULTI_CHANNELS; i++) {
        if (s->channels[i]) {
            QAPI_LIST_APPEND(channel_tail, channel_info(s->channels[i]));
        }
    }
    info->flags = ipmi_sms_flags(s->sms);
    info->enables = s->sms->enables;
    info->queue = s->sms->n;
    if (s->sms->event_valid) {
        info->event_buffer = ipmi_hex(s->sms->event, sizeof(s->sms->event));
    }
    return info;
}

static int visit_bmc(Object *obj, void *opaque)
{
    IpmiBmcInfoList ***tail = opaque;

    if (object_dynamic_cast(obj, TYPE_IPMI_BMC_MULTI) &&
        DEVICE(obj)->realized) {
        QAPI_LIST_APPEND(*tail, bmc_info(IPMI_BMC_MULTI(obj)));
    }
    return 0;
}

IpmiBmcInfoList *qmp_query_ipmi_bmcs(Error **errp)
{
    IpmiBmcInfoList *list = NULL, **tail = &list;

    object_child_foreach_recursive(object_get_root(), visit_bmc, &tail);
    return list;
}

/*
 * Messages
 */

static bool check_max(const char *name, unsigned val, unsigned max,
                      Error **errp)
{
    if (val > max) {
        error_setg(errp, "%s=%u: must be at most %u", name, val, max);
        return false;
    }
    return true;
}

static bool check_netfn(uint8_t netfn, Error **errp)
{
    if (netfn > 0x3e || netfn & 1) {
        error_setg(errp, "netfn=%u: must be even, and at most 62: that of the "
                   "request", netfn);
        return false;
    }
    return true;
}

static void report(IPMIChannel *c, IPMIReceived what, Error **errp)
{
    if (what == IPMI_RECEIVED_FULL) {
        error_setg(errp, "channel %u: the receive message queue is full",
                   c->number);
    }
}

/*
 * Media without a format of their own get an IPMB message, from the byte after
 * the slave address on, as Get Message shows it.
 */
static void raw_from_ipmb(IPMIMessage *msg)
{
    uint8_t buf[IPMI_MESSAGE_MAX];
    unsigned n;

    msg->format = IPMI_FORMAT_IPMB;
    n = ipmi_message_encode(msg, buf);
    ipmi_message_parse(IPMI_FORMAT_RAW, buf + 1, n - 1, msg);
}

static void put_message(IPMIChannel *c, uint8_t priv, IPMIMessage *msg,
                        Error **errp)
{
    IPMIFormat format = ipmi_channel_format(c);

    if (!ipmi_message_fits(format == IPMI_FORMAT_RAW ? IPMI_FORMAT_IPMB :
                                                       format, msg->len)) {
        error_setg(errp, "data is too long for a message");
        return;
    }
    msg->format = format;
    if (format == IPMI_FORMAT_RAW) {
        raw_from_ipmb(msg);
    }
    report(c, ipmi_channel_receive(c, priv, msg), errp);
}

static uint8_t default_privilege(IPMIChannel *c)
{
    return ipmi_channel_format(c) == IPMI_FORMAT_LAN ? IPMI_MULTI_PRIV_ADMIN :
                                                       IPMI_MULTI_PRIV_NONE;
}

void qmp_ipmi_request(const char *bmc, uint8_t channel, uint8_t netfn,
                      uint8_t cmd, const char *data, bool has_lun, uint8_t lun,
                      bool has_sequence, uint8_t sequence, bool has_address,
                      uint8_t address, bool has_requester_lun,
                      uint8_t requester_lun, bool has_handle, uint8_t handle,
                      bool has_privilege, uint8_t privilege, Error **errp)
{
    IPMIChannel *c = find_channel(bmc, channel, errp);
    IPMIMessage msg = { };
    int n;

    if (!c) {
        return;
    }
    n = ipmi_unhex(data ?: "", msg.data, sizeof(msg.data), errp);
    if (n < 0 || !check_netfn(netfn, errp) ||
        !check_max("lun", has_lun ? lun : 0, 3, errp) ||
        !check_max("sequence", has_sequence ? sequence : 0, 63, errp) ||
        !check_max("requester-lun", has_requester_lun ? requester_lun : 0, 3,
                   errp) ||
        !check_max("privilege", has_privilege ? privilege : 0, 5, errp)) {
        return;
    }
    msg.netfn = netfn;
    msg.cmd = cmd;
    msg.rs_lun = has_lun ? lun : 2;
    msg.rq_lun = requester_lun;
    msg.seq = sequence;
    msg.rs_addr = c->bmc->parent_obj.slave_addr;
    msg.rq_addr = has_address ? address : DEFAULT_REQUESTER;
    msg.handle = has_handle ? handle : DEFAULT_HANDLE;
    msg.len = n;
    put_message(c, has_privilege ? privilege : default_privilege(c), &msg,
                errp);
}

void qmp_ipmi_response(const char *bmc, uint8_t channel, uint8_t netfn,
                       uint8_t cmd, bool has_code, uint8_t code,
                       const char *data, bool has_sequence, uint8_t sequence,
                       bool has_address, uint8_t address, bool has_lun,
                       uint8_t lun, bool has_handle, uint8_t handle,
                       bool has_requester_lun, uint8_t requester_lun,
                       Error **errp)
{
    IPMIChannel *c = find_channel(bmc, channel, errp);
    IPMIMessage msg = { };
    int n;

    if (!c) {
        return;
    }
    n = ipmi_unhex(data ?: "", msg.data + 1, sizeof(msg.data) - 1, errp);
    if (n < 0 || !check_netfn(netfn, errp) ||
        !check_max("sequence", has_sequence ? sequence : 0, 63, errp) ||
        !check_max("lun", has_lun ? lun : 0, 3, errp) ||
        !check_max("requester-lun", has_requester_lun ? requester_lun : 0, 3,
                   errp)) {
        return;
    }
    msg.is_response = true;
    msg.netfn = netfn;
    msg.cmd = cmd;
    msg.rq_lun = has_requester_lun ? requester_lun : 2;
    msg.rs_lun = lun;
    msg.seq = sequence;
    msg.rq_addr = c->bmc->parent_obj.slave_addr;
    msg.rs_addr = has_address ? address : DEFAULT_RESPONDER;
    msg.handle = has_handle ? handle : DEFAULT_HANDLE;
    msg.data[0] = has_code ? code : IPMI_CC_OK;
    msg.len = n + 1;
    put_message(c, default_privilege(c), &msg, errp);
}

void qmp_ipmi_raw(const char *bmc, uint8_t channel, const char *data,
                  bool has_privilege, uint8_t privilege, Error **errp)
{
    IPMIChannel *c = find_channel(bmc, channel, errp);
    IPMIMessage msg = { .format = IPMI_FORMAT_RAW };
    int n;

    if (!c) {
        return;
    }
    n = ipmi_unhex(data, msg.data, sizeof(msg.data), errp);
    if (n < 0 || !check_max("privilege", has_privilege ? privilege : 0, 5,
                            errp)) {
        return;
    }
    if (!n) {
        error_setg(errp, "data is empty");
        return;
    }
    msg.len = n;
    report(c, ipmi_channel_receive(c, privilege, &msg), errp);
}

static IpmiSentMessage *sent_message(IPMIChannel *c, const IPMISent *sent)
{
    IpmiSentMessage *m = g_new0(IpmiSentMessage, 1);
    IPMIMessage msg;
    IPMIParsed parsed = ipmi_message_parse(ipmi_channel_format(c), sent->data,
                                           sent->len, &msg);

    m->time_ns = sent->time_ns;
    m->from = sent->from;
    m->data = ipmi_hex(sent->data, sent->len);
    if (parsed != IPMI_PARSED_LENGTH && msg.format != IPMI_FORMAT_RAW) {
        m->has_netfn = m->has_cmd = m->has_sequence = true;
        m->netfn = msg.netfn | msg.is_response;
        m->cmd = msg.cmd;
        m->sequence = msg.seq;
        m->has_code = msg.is_response && msg.len;
        m->code = m->has_code ? msg.data[0] : 0;
        m->has_checksum_ok = true;
        m->checksum_ok = parsed == IPMI_PARSED;
    }
    return m;
}

IpmiSentMessageList *qmp_query_ipmi_sent(const char *bmc, uint8_t channel,
                                         bool has_clear, bool clear,
                                         Error **errp)
{
    IPMIChannel *c = find_channel(bmc, channel, errp);
    IpmiSentMessageList *list = NULL, **tail = &list;
    unsigned i;

    if (!c) {
        return NULL;
    }
    for (i = 0; i < c->sent_n; i++) {
        QAPI_LIST_APPEND(tail, sent_message(c, &c->sent[(c->sent_head + i) %
                                                        IPMI_SENT_DEPTH]));
    }
    if (has_clear && clear) {
        c->sent_n = 0;
    }
    return list;
}

/*
 * Faults
 */

void qmp_ipmi_set_faults(const char *bmc, IpmiFaultList *faults, Error **errp)
{
    IPMIBmcMulti *s = find_bmc(bmc, errp);

    if (s) {
        ipmi_faults_set(s->faults, faults, &s->records.chans, errp);
    }
}

IpmiFaultInfoList *qmp_query_ipmi_faults(const char *bmc, Error **errp)
{
    IPMIBmcMulti *s = find_bmc(bmc, errp);

    return s ? ipmi_faults_info(s->faults) : NULL;
}

/*
 * SEL, sensors, events
 */

static IPMIBmcMulti *bmc_and_record(const char *bmc, const char *record,
                                    uint8_t rec[IPMI_SEL_RECORD], Error **errp)
{
    IPMIBmcMulti *s = find_bmc(bmc, errp);
    int n;

    if (!s) {
        return NULL;
    }
    n = ipmi_unhex(record, rec, IPMI_SEL_RECORD, errp);
    if (n < 0) {
        return NULL;
    }
    if (n != IPMI_SEL_RECORD) {
        error_setg(errp, "record has %d bytes: must be %d", n, IPMI_SEL_RECORD);
        return NULL;
    }
    return s;
}

static IpmiSelEntry *sel_entry(const uint8_t *rec)
{
    IpmiSelEntry *entry = g_new0(IpmiSelEntry, 1);

    entry->id = lduw_le_p(rec);
    entry->record = ipmi_hex(rec, IPMI_SEL_RECORD);
    return entry;
}

IpmiSelEntry *qmp_ipmi_sel_add(const char *bmc, const char *record,
                               Error **errp)
{
    uint8_t rec[IPMI_SEL_RECORD];
    IPMIBmcMulti *s = bmc_and_record(bmc, record, rec, errp);
    uint8_t cc;

    if (!s) {
        return NULL;
    }
    cc = ipmi_sel_add(&s->records.sel, rec, NULL);
    if (cc != IPMI_CC_OK) {
        error_setg(errp, "the SEL does not take it: completion code %02xh", cc);
        return NULL;
    }
    return sel_entry(ipmi_sel_record(&s->records.sel,
                                     ipmi_sel_count(&s->records.sel) - 1));
}

IpmiSelEntryList *qmp_query_ipmi_sel(const char *bmc, Error **errp)
{
    IPMIBmcMulti *s = find_bmc(bmc, errp);
    IpmiSelEntryList *list = NULL, **tail = &list;
    unsigned i;

    for (i = 0; s && i < ipmi_sel_count(&s->records.sel); i++) {
        QAPI_LIST_APPEND(tail, sel_entry(ipmi_sel_record(&s->records.sel, i)));
    }
    return list;
}

void qmp_ipmi_event(const char *bmc, const char *record, Error **errp)
{
    uint8_t rec[IPMI_SEL_RECORD];
    IPMIBmcMulti *s = bmc_and_record(bmc, record, rec, errp);

    if (s) {
        ipmi_event(&s->records.events, rec);
    }
}

void qmp_ipmi_sensor_set(const char *bmc, uint8_t sensor, bool has_raw,
                         uint8_t raw, bool has_states, uint16_t states,
                         Error **errp)
{
    IPMIBmcMulti *s = find_bmc(bmc, errp);
    IPMISensor *found = s ? ipmi_sensor_find(&s->records.sensors, sensor) :
                            NULL;

    if (!s) {
        return;
    }
    if (!found) {
        error_setg(errp, "'%s' has no sensor %u", bmc, sensor);
        return;
    }
    if (has_raw == has_states || has_raw != ipmi_sensor_is_threshold(found)) {
        error_setg(errp, "sensor %u takes '%s', and that alone", sensor,
                   ipmi_sensor_is_threshold(found) ? "raw" : "states");
        return;
    }
    if (has_states && (states & ~ipmi_sensor_states(found))) {
        error_setg(errp, "states=0x%04x: sensor %u can have those of 0x%04x",
                   states, sensor, ipmi_sensor_states(found));
        return;
    }
    if (has_raw) {
        ipmi_sensor_set_value(&s->records.sensors, found, raw);
    } else {
        ipmi_sensor_set_states(&s->records.sensors, found, states);
    }
}

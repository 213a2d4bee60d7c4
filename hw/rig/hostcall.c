/*
 * rig-hostcall: a guest program asks the host, and no time passes meanwhile
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A program writes a question, a line of text, into BAR 0 and sends it. It goes
 * out by a character device; what comes back is the answer. A read of WAIT ends
 * when the answer is there. As the CPU is in the middle of that instruction, it
 * is not idle: with -icount no time passes in the guest, however long the host
 * takes. docs/system/devices/rig-hostcall.rst has the registers, and what is
 * said on the wire.
 *
 * Modelled: one question at a time, registers and buffers, reset, unplug,
 * snapshots (a question that is open is lost with the host that was asked).
 *
 * Not modelled: interrupts, DMA, any capability; record and replay. With an
 * accelerator other than TCG the guest's clock does not stop.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/cutils.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "chardev/char-fe.h"
#include "hw/core/cpu.h"
#include "hw/pci/pci_device.h"
#include "hw/qdev-properties.h"
#include "hw/qdev-properties-system.h"
#include "hw/rig/hostcall.h"
#include "migration/vmstate.h"
#include "qom/object.h"
#include "system/cpu-timers.h"
#include "system/runstate.h"
#include "trace.h"

/*
 * How long a CPU stays in WAIT before it looks whether somebody needs it. Only
 * how soon a stop or an unplug comes through depends on it.
 */
#define POLL_MS     10
/* "12 question\n" */
#define LINE_MAX_BYTES  (RIG_HOSTCALL_QUESTION_MAX + 16)
/* What a chardev may hand in at once when nobody wants an answer */
#define READ_MAX    4096

OBJECT_DECLARE_SIMPLE_TYPE(RigHostcall, RIG_HOSTCALL)

struct RigHostcall {
    PCIDevice parent_obj;

    MemoryRegion bar;
    CharBackend chr;
    bool open;                  /* somebody is at the other end */
    bool broken;                /* but half a line went out to him */
    bool gone;                  /* unrealized */

    uint32_t state;             /* RIG_HOSTCALL_ASKED and others */
    uint32_t length;            /* of the answer */
    uint8_t question[RIG_HOSTCALL_QUESTION_MAX];
    uint8_t answer[RIG_HOSTCALL_ANSWER_MAX];

    /* Questions are numbered, to tell late answers from wanted ones. */
    uint32_t number;
    /* What has come in of an answer: whole lines, and the one that is open */
    GString *lines;
    GString *line;
    bool too_long;

    QemuCond answered;
    unsigned waiting;           /* CPUs that are in WAIT */
};

/*
 * The answer
 */

static void forget_input(RigHostcall *s)
{
    g_string_truncate(s->lines, 0);
    g_string_truncate(s->line, 0);
    s->too_long = false;
}

/* The question that is open, if there is one, ends. */
static void finish(RigHostcall *s, uint32_t state, const char *text,
                   size_t len)
{
    if (s->state != RIG_HOSTCALL_ASKED) {
        return;
    }
    if (len > RIG_HOSTCALL_ANSWER_MAX) {
        state = RIG_HOSTCALL_TOO_LONG;
        len = 0;
    }
    if (len) {
        memcpy(s->answer, text, len);
    }
    s->state = state;
    s->length = len;
    trace_rig_hostcall_answer(PCI_DEVICE(s)->name, s->number, state, len);
    qemu_cond_broadcast(&s->answered);
}

/* ". 12" ends the answer to question 12, as does "! 12 why not". */
static bool is_end(const char *line, char *kind, uint32_t *number,
                   const char **text)
{
    const char *end;
    uint64_t value;

    if ((line[0] != '.' && line[0] != '!') || line[1] != ' ' ||
        parse_uint(line + 2, &end, 10, &value) || value > UINT32_MAX ||
        (*end && *end != ' ')) {
        return false;
    }
    *kind = line[0];
    *number = value;
    *text = *end ? end + 1 : end;
    return true;
}

static void take_line(RigHostcall *s)
{
    const char *text;
    uint32_t number;
    char kind;

    if (!is_end(s->line->str, &kind, &number, &text)) {
        if (s->lines->len + s->line->len + 1 > RIG_HOSTCALL_ANSWER_MAX) {
            s->too_long = true;
        } else {
            g_string_append_len(s->lines, s->line->str, s->line->len);
            g_string_append_c(s->lines, '\n');
        }
        g_string_truncate(s->line, 0);
        return;
    }
    if (number != s->number) {
        trace_rig_hostcall_late(PCI_DEVICE(s)->name, number);
    } else if (kind == '!') {
        finish(s, RIG_HOSTCALL_REFUSED, text, strlen(text));
    } else if (s->too_long) {
        finish(s, RIG_HOSTCALL_TOO_LONG, NULL, 0);
    } else {
        finish(s, RIG_HOSTCALL_ANSWERED, s->lines->str, s->lines->len);
    }
    forget_input(s);
}

static int hostcall_can_read(void *opaque)
{
    return READ_MAX;
}

static void hostcall_read(void *opaque, const uint8_t *buf, int size)
{
    RigHostcall *s = opaque;
    int i;

    for (i = 0; i < size; i++) {
        if (buf[i] == '\n') {
            take_line(s);
        } else if (s->line->len >= RIG_HOSTCALL_ANSWER_MAX) {
            s->too_long = true;
        } else {
            /* The line is treated as a string. */
            g_string_append_c(s->line, buf[i] ? buf[i] : ' ');
        }
    }
}

static void hostcall_event(void *opaque, QEMUChrEvent event)
{
    RigHostcall *s = opaque;

    switch (event) {
    case CHR_EVENT_OPENED:
        s->open = true;
        s->broken = false;
        forget_input(s);
        break;
    case CHR_EVENT_CLOSED:
        s->open = false;
        forget_input(s);
        finish(s, RIG_HOSTCALL_NOBODY, NULL, 0);
        break;
    default:
        break;
    }
}

/*
 * The question
 */

static bool is_line(const uint8_t *text, uint32_t len)
{
    uint32_t i;

    for (i = 0; i < len; i++) {
        if (text[i] < ' ' || text[i] > '~') {
            return false;
        }
    }
    return true;
}

/*
 * Nothing waits here: a peer that does not read, so that the line does not fit
 * into what is between him and us, is no peer until it connects anew.
 */
static bool send_question(RigHostcall *s, uint32_t len)
{
    char line[LINE_MAX_BYTES];
    int n = snprintf(line, sizeof(line), "%" PRIu32 " %.*s\n", s->number,
                     (int)len, (char *)s->question);

    if (!s->open || s->broken) {
        return false;
    }
    if (qemu_chr_fe_write(&s->chr, (uint8_t *)line, n) != n) {
        s->broken = true;
        return false;
    }
    return true;
}

static void ask(RigHostcall *s, uint32_t len)
{
    const char *name = PCI_DEVICE(s)->name;

    if (s->state == RIG_HOSTCALL_ASKED) {
        qemu_log_mask(LOG_GUEST_ERROR,
                      "%s: a question while another one is open\n", name);
        return;
    }
    s->number++;
    s->length = 0;
    s->state = RIG_HOSTCALL_ASKED;
    if (!len || len > RIG_HOSTCALL_QUESTION_MAX ||
        !is_line(s->question, len)) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: a question of 0x%" PRIx32 " bytes: "
                      "1 to 0x%x printable ones are wanted\n", name, len,
                      RIG_HOSTCALL_QUESTION_MAX);
        finish(s, RIG_HOSTCALL_INVALID, NULL, 0);
        return;
    }
    trace_rig_hostcall_question(name, s->number, len);
    if (!send_question(s, len)) {
        finish(s, RIG_HOSTCALL_NOBODY, NULL, 0);
    }
}

/*
 * The wait
 */

/*
 * May this read block? Only one by a CPU: a device's DMA would block in the
 * middle of that device's work. Devices say who they are, or say nothing.
 */
static bool may_block(MemTxAttrs attrs)
{
    return current_cpu && !attrs.unspecified && !attrs.requester_id &&
           !attrs.debug && !cpu_in_exclusive_context(current_cpu);
}

/* Somebody wants this CPU to come out, to stop it for example. */
static bool is_needed(CPUState *cpu)
{
    return qatomic_read(&cpu->exit_request) || cpu->stop || cpu->stopped ||
           !runstate_is_running();
}

/*
 * With -icount the clock counts instructions, and jumps while all CPUs are
 * idle; this one is not. To read it makes what this CPU has executed count for
 * the main loop; and timers that the main loop set are looked at when the CPU
 * comes out of its slice.
 *
 * Without -icount the clock is stopped as it is when the machine stops, for all
 * CPUs. Starting it again is left to vm_start() if the machine was stopped
 * meanwhile: is_needed() is true then, and no CPU comes in here before it runs.
 */
static void hold_clock(RigHostcall *s)
{
    if (icount_enabled()) {
        qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    } else if (s->waiting++ == 0) {
        cpu_disable_ticks();
    }
}

static void release_clock(RigHostcall *s, CPUState *cpu)
{
    if (icount_enabled()) {
        cpu_exit(cpu);
    } else if (--s->waiting == 0 && runstate_is_running()) {
        cpu_enable_ticks();
    }
}

/*
 * The BQL is released while this CPU sleeps. It is in the middle of a memory
 * access, so that the region and thereby the device stay; and it returns, with
 * the answer that there is none yet, as soon as somebody wants something of it:
 * who waits for all CPUs, or for RCU, does not wait for the host.
 */
static uint32_t wait_answer(RigHostcall *s, MemTxAttrs attrs)
{
    CPUState *cpu = current_cpu;

    if (!may_block(attrs) || s->state != RIG_HOSTCALL_ASKED ||
        is_needed(cpu)) {
        return s->state;
    }
    hold_clock(s);
    do {
        qemu_cond_timedwait_bql(&s->answered, POLL_MS);
    } while (s->state == RIG_HOSTCALL_ASKED && !s->gone &&
             !is_needed(cpu));
    release_clock(s, cpu);
    return s->state;
}

/*
 * BAR 0
 */

static bool in(hwaddr addr, unsigned size, hwaddr start, hwaddr len)
{
    return addr >= start && addr + size <= start + len;
}

static MemTxResult bar_read(void *opaque, hwaddr addr, uint64_t *data,
                            unsigned size, MemTxAttrs attrs)
{
    RigHostcall *s = opaque;

    if (in(addr, size, RIG_HOSTCALL_QUESTION, RIG_HOSTCALL_QUESTION_MAX)) {
        *data = ldn_le_p(s->question + (addr - RIG_HOSTCALL_QUESTION), size);
        return MEMTX_OK;
    }
    if (in(addr, size, RIG_HOSTCALL_ANSWER, RIG_HOSTCALL_ANSWER_MAX)) {
        *data = ldn_le_p(s->answer + (addr - RIG_HOSTCALL_ANSWER), size);
        return MEMTX_OK;
    }
    switch (size == 4 ? addr : RIG_HOSTCALL_BAR_SIZE) {
    case RIG_HOSTCALL_ID:
        *data = RIG_HOSTCALL_MAGIC;
        break;
    case RIG_HOSTCALL_WAIT:
        *data = wait_answer(s, attrs);
        break;
    case RIG_HOSTCALL_LENGTH:
        *data = s->length;
        break;
    default:
        qemu_log_mask(LOG_GUEST_ERROR, "%s: read of %u bytes at 0x%"
                      HWADDR_PRIx "\n", PCI_DEVICE(s)->name, size, addr);
        *data = 0;
        break;
    }
    return MEMTX_OK;
}

static MemTxResult bar_write(void *opaque, hwaddr addr, uint64_t data,
                             unsigned size, MemTxAttrs attrs)
{
    RigHostcall *s = opaque;

    if (in(addr, size, RIG_HOSTCALL_QUESTION, RIG_HOSTCALL_QUESTION_MAX)) {
        stn_le_p(s->question + (addr - RIG_HOSTCALL_QUESTION), size, data);
    } else if (addr == RIG_HOSTCALL_SEND && size == 4) {
        ask(s, data);
    } else {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: write of %u bytes at 0x%"
                      HWADDR_PRIx "\n", PCI_DEVICE(s)->name, size, addr);
    }
    return MEMTX_OK;
}

static const MemoryRegionOps bar_ops = {
    .read_with_attrs = bar_read,
    .write_with_attrs = bar_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8 },
    .impl = { .min_access_size = 1, .max_access_size = 8 },
};

/*
 * Reset
 */

/* The host is not told; its answer comes too late and is thrown away. */
static void hostcall_reset_hold(Object *obj, ResetType type)
{
    RigHostcall *s = RIG_HOSTCALL(obj);

    s->number++;
    s->state = RIG_HOSTCALL_IDLE;
    s->length = 0;
    memset(s->question, 0, sizeof(s->question));
    memset(s->answer, 0, sizeof(s->answer));
    forget_input(s);
    qemu_cond_broadcast(&s->answered);
}

/*
 * Realize and exit
 */

static void hostcall_realize(PCIDevice *d, Error **errp)
{
    RigHostcall *s = RIG_HOSTCALL(d);

    memory_region_init_io(&s->bar, OBJECT(s), &bar_ops, s, TYPE_RIG_HOSTCALL,
                          RIG_HOSTCALL_BAR_SIZE);
    /* The BQL is released in WAIT: another CPU may come in. */
    s->bar.disable_reentrancy_guard = true;
    pci_register_bar(d, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->bar);
    qemu_chr_fe_set_handlers(&s->chr, hostcall_can_read, hostcall_read,
                             hostcall_event, NULL, s, NULL, true);
}

/* A CPU in WAIT keeps the object, but finds nothing to wait for. */
static void hostcall_exit(PCIDevice *d)
{
    RigHostcall *s = RIG_HOSTCALL(d);

    s->gone = true;
    s->open = false;
    finish(s, RIG_HOSTCALL_NOBODY, NULL, 0);
    qemu_chr_fe_deinit(&s->chr, false);
}

static void hostcall_init(Object *obj)
{
    RigHostcall *s = RIG_HOSTCALL(obj);

    qemu_cond_init(&s->answered);
    s->lines = g_string_new(NULL);
    s->line = g_string_new(NULL);
}

static void hostcall_finalize(Object *obj)
{
    RigHostcall *s = RIG_HOSTCALL(obj);

    g_string_free(s->lines, true);
    g_string_free(s->line, true);
    qemu_cond_destroy(&s->answered);
}

/*
 * VMState
 */

/* Whoever was asked is not here. What is left of the rest is checked. */
static int hostcall_post_load(void *opaque, int version_id)
{
    RigHostcall *s = opaque;

    if (s->state > RIG_HOSTCALL_INVALID ||
        s->length > RIG_HOSTCALL_ANSWER_MAX) {
        return -EINVAL;
    }
    s->number++;
    forget_input(s);
    finish(s, RIG_HOSTCALL_NOBODY, NULL, 0);
    return 0;
}

static const VMStateDescription vmstate_hostcall = {
    .name = TYPE_RIG_HOSTCALL,
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = hostcall_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj, RigHostcall),
        VMSTATE_UINT32(state, RigHostcall),
        VMSTATE_UINT32(length, RigHostcall),
        VMSTATE_UINT8_ARRAY(question, RigHostcall, RIG_HOSTCALL_QUESTION_MAX),
        VMSTATE_UINT8_ARRAY(answer, RigHostcall, RIG_HOSTCALL_ANSWER_MAX),
        VMSTATE_END_OF_LIST()
    }
};

static const Property hostcall_props[] = {
    DEFINE_PROP_CHR("chardev", RigHostcall, chr),
};

static void hostcall_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(oc);
    ResettableClass *rc = RESETTABLE_CLASS(oc);

    pc->realize = hostcall_realize;
    pc->exit = hostcall_exit;
    pc->vendor_id = RIG_HOSTCALL_VENDOR_ID;
    pc->device_id = RIG_HOSTCALL_DEVICE_ID;
    pc->class_id = PCI_CLASS_OTHERS;
    rc->phases.hold = hostcall_reset_hold;
    dc->desc = "A guest program asks the host while time stands still";
    dc->vmsd = &vmstate_hostcall;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_props(dc, hostcall_props);
    object_class_property_set_description(oc, "chardev",
        "ID of the character device with the host's program at its other end; "
        "without one, each question is answered with NOBODY");
}

static const TypeInfo hostcall_info = {
    .name = TYPE_RIG_HOSTCALL,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(RigHostcall),
    .instance_init = hostcall_init,
    .instance_finalize = hostcall_finalize,
    .class_init = hostcall_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_CONVENTIONAL_PCI_DEVICE },
        { }
    },
};

static void hostcall_register_types(void)
{
    type_register_static(&hostcall_info);
}

type_init(hostcall_register_types)

/*
 * rig-hostcall: a guest program asks the host, and no time passes meanwhile
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A test that runs in a guest has QEMU do something at a moment of its own
 * choice: change a property, lose a link, inject a message. Over a console the
 * guest's clock runs on until the answer is there; with -icount it even runs
 * ahead, since the guest idles. Here the guest reads a register for its answer,
 * and that read takes as long as the host needs, while the virtual clock stands.
 *
 * Modelled:     a question (a line) to a chardev, the answer (lines, the last one
 *               is "." or begins with "!") from it; one at a time.
 * Not modelled: an interrupt, DMA.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "chardev/char-fe.h"
#include "hw/core/cpu.h"
#include "hw/pci/pci_device.h"
#include "hw/qdev-properties-system.h"
#include "hw/rig/hostcall.h"
#include "migration/vmstate.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "system/cpu-timers.h"
#include "system/runstate.h"
#include "trace.h"

OBJECT_DECLARE_SIMPLE_TYPE(RigHostcall, RIG_HOSTCALL)

/* How soon a CPU that waits sees that somebody wants it to stop, in ms */
#define PATIENCE_MS 10

struct RigHostcall {
    PCIDevice parent_obj;

    CharBackend chr;
    MemoryRegion bar;
    QemuCond changed;           /* of state; with the BQL */

    uint8_t state;              /* RIG_HOSTCALL_ASKED and others */
    bool skipping;              /* an answer to a question that was given up */
    bool stopped_clock;         /* by us; it goes on when a wait ends */
    uint32_t length;
    uint32_t line;              /* where the answer's last line begins */
    uint8_t question[RIG_HOSTCALL_QUESTION_MAX];
    uint8_t answer[RIG_HOSTCALL_ANSWER_MAX];
};

static void set_state(RigHostcall *s, uint8_t state)
{
    s->state = state;
    trace_rig_hostcall_state(state, s->length);
    qemu_cond_broadcast(&s->changed);
}

/*
 * The guest's side
 */

static void send_question(RigHostcall *s, uint64_t length)
{
    if (length == 0 || length > sizeof(s->question)) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: a question of %" PRIu64 " bytes, at "
                      "most %zu fit\n", TYPE_RIG_HOSTCALL, length,
                      sizeof(s->question));
        return;
    }
    if (s->state == RIG_HOSTCALL_ASKED) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: asked again before the answer\n",
                      TYPE_RIG_HOSTCALL);
        return;
    }
    trace_rig_hostcall_send(length);
    s->length = s->line = 0;
    if (!qemu_chr_fe_backend_open(&s->chr)) {
        set_state(s, RIG_HOSTCALL_NOBODY);
        return;
    }
    /* Before the write: the answer may come at once. */
    set_state(s, RIG_HOSTCALL_ASKED);
    qemu_chr_fe_write_all(&s->chr, s->question, length);
    qemu_chr_fe_write_all(&s->chr, (const uint8_t *)"\n", 1);
    qemu_chr_fe_accept_input(&s->chr);
}

/*
 * Somebody waits for this CPU to leave the guest's code: a stop, a snapshot,
 * work queued for it, another CPU that has to be alone. It reads WAIT again.
 */
static bool must_leave(CPUState *cpu)
{
    return qatomic_read(&cpu->stop) || qatomic_read(&cpu->exit_request);
}

/*
 * With -icount the clock stands as this CPU executes nothing and is not idle;
 * else it is stopped, also for the other CPUs.
 */
static void stop_clock(RigHostcall *s)
{
    if (!icount_enabled() && !s->stopped_clock) {
        s->stopped_clock = true;
        cpu_disable_ticks();
    }
}

static void start_clock(RigHostcall *s)
{
    if (s->stopped_clock) {
        s->stopped_clock = false;
        /* A machine that was stopped meanwhile has its clock standing. */
        if (runstate_is_running()) {
            cpu_enable_ticks();
        }
    }
}

static uint64_t wait_for_answer(RigHostcall *s)
{
    /* A qtest is no CPU: it comes again. */
    if (current_cpu) {
        stop_clock(s);
        while (s->state == RIG_HOSTCALL_ASKED && !must_leave(current_cpu)) {
            qemu_cond_timedwait_bql(&s->changed, PATIENCE_MS);
        }
        start_clock(s);
    }
    return s->state;
}

static uint64_t bytes_read(const uint8_t *bytes, unsigned size)
{
    return ldn_le_p(bytes, size);
}

static uint64_t hostcall_read(void *opaque, hwaddr addr, unsigned size)
{
    RigHostcall *s = opaque;

    if (addr >= RIG_HOSTCALL_ANSWER &&
        addr + size <= RIG_HOSTCALL_ANSWER + sizeof(s->answer)) {
        return bytes_read(s->answer + (addr - RIG_HOSTCALL_ANSWER), size);
    }
    if (addr >= RIG_HOSTCALL_QUESTION &&
        addr + size <= RIG_HOSTCALL_QUESTION + sizeof(s->question)) {
        return bytes_read(s->question + (addr - RIG_HOSTCALL_QUESTION), size);
    }
    switch (size == 4 ? addr : UINT64_MAX) {
    case RIG_HOSTCALL_ID:
        return RIG_HOSTCALL_MAGIC;
    case RIG_HOSTCALL_WAIT:
        return wait_for_answer(s);
    case RIG_HOSTCALL_LENGTH:
        return s->length;
    default:
        qemu_log_mask(LOG_GUEST_ERROR, "%s: read of %u bytes at 0x%" HWADDR_PRIx
                      "\n", TYPE_RIG_HOSTCALL, size, addr);
        return 0;
    }
}

static void hostcall_write(void *opaque, hwaddr addr, uint64_t value,
                           unsigned size)
{
    RigHostcall *s = opaque;

    if (addr >= RIG_HOSTCALL_QUESTION &&
        addr + size <= RIG_HOSTCALL_QUESTION + sizeof(s->question)) {
        stn_le_p(s->question + (addr - RIG_HOSTCALL_QUESTION), size, value);
    } else if (addr == RIG_HOSTCALL_SEND && size == 4) {
        send_question(s, value);
    } else {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: write of %u bytes at 0x%" HWADDR_PRIx
                      "\n", TYPE_RIG_HOSTCALL, size, addr);
    }
}

static const MemoryRegionOps hostcall_ops = {
    .read = hostcall_read,
    .write = hostcall_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8 },
    .impl = { .min_access_size = 1, .max_access_size = 8 },
};

/*
 * The host's side
 */

static int hostcall_can_read(void *opaque)
{
    RigHostcall *s = opaque;

    return s->state == RIG_HOSTCALL_ASKED || s->skipping ?
           sizeof(s->answer) : 0;
}

/* The last line of an answer: "." alone, or a refusal */
static bool is_last(const uint8_t *line, uint32_t length)
{
    return length && (line[0] == '!' || (length == 1 && line[0] == '.'));
}

static void end_answer(RigHostcall *s)
{
    if (s->skipping) {
        s->skipping = false;
        s->length = s->line = 0;
    } else {
        set_state(s, RIG_HOSTCALL_ANSWERED);
    }
}

static void take_byte(RigHostcall *s, uint8_t byte)
{
    if (s->length == sizeof(s->answer)) {
        if (s->skipping) {
            /* Only its end is of interest. */
            s->length = s->line = 0;
        } else {
            qemu_log_mask(LOG_GUEST_ERROR, "%s: an answer of more than %zu "
                          "bytes\n", TYPE_RIG_HOSTCALL, sizeof(s->answer));
            set_state(s, RIG_HOSTCALL_TOO_LONG);
            s->skipping = true;
            s->length = s->line = 0;
        }
    }
    s->answer[s->length++] = byte;
    if (byte == '\n') {
        if (is_last(s->answer + s->line, s->length - 1 - s->line)) {
            end_answer(s);
        } else {
            s->line = s->length;
        }
    }
}

static void hostcall_receive(void *opaque, const uint8_t *bytes, int n)
{
    RigHostcall *s = opaque;
    int i;

    for (i = 0; i < n; i++) {
        if (s->state == RIG_HOSTCALL_ASKED || s->skipping) {
            take_byte(s, bytes[i]);
        }
    }
}

static void hostcall_event(void *opaque, QEMUChrEvent event)
{
    RigHostcall *s = opaque;

    if (event == CHR_EVENT_CLOSED) {
        s->skipping = false;
        if (s->state == RIG_HOSTCALL_ASKED) {
            set_state(s, RIG_HOSTCALL_NOBODY);
        }
    }
}

/*
 * The device
 */

static void hostcall_reset_hold(Object *obj, ResetType type)
{
    RigHostcall *s = RIG_HOSTCALL(obj);

    /* Whoever asked is gone, and the answer is none for the next one. */
    s->skipping |= s->state == RIG_HOSTCALL_ASKED;
    s->length = s->line = 0;
    memset(s->question, 0, sizeof(s->question));
    memset(s->answer, 0, sizeof(s->answer));
    set_state(s, RIG_HOSTCALL_IDLE);
}

static void hostcall_realize(PCIDevice *d, Error **errp)
{
    RigHostcall *s = RIG_HOSTCALL(d);

    qemu_cond_init(&s->changed);
    memory_region_init_io(&s->bar, OBJECT(s), &hostcall_ops, s,
                          TYPE_RIG_HOSTCALL, RIG_HOSTCALL_BAR_SIZE);
    /* One CPU waits in here; that is none of the others' business. */
    s->bar.disable_reentrancy_guard = true;
    pci_register_bar(d, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->bar);
    qemu_chr_fe_set_handlers(&s->chr, hostcall_can_read, hostcall_receive,
                             hostcall_event, NULL, s, NULL, true);
}

static void hostcall_exit(PCIDevice *d)
{
    RigHostcall *s = RIG_HOSTCALL(d);

    qemu_chr_fe_deinit(&s->chr, false);
    qemu_cond_destroy(&s->changed);
}

/* The host that was asked is not behind the machine that is loaded. */
static int hostcall_post_load(void *opaque, int version_id)
{
    RigHostcall *s = opaque;

    if (s->length > sizeof(s->answer) || s->line > s->length ||
        s->state > RIG_HOSTCALL_TOO_LONG) {
        return -EINVAL;
    }
    if (s->state == RIG_HOSTCALL_ASKED) {
        s->state = RIG_HOSTCALL_NOBODY;
    }
    return 0;
}

static const VMStateDescription vmstate_hostcall = {
    .name = TYPE_RIG_HOSTCALL,
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = hostcall_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj, RigHostcall),
        VMSTATE_UINT8(state, RigHostcall),
        VMSTATE_UINT32(length, RigHostcall),
        VMSTATE_UINT32(line, RigHostcall),
        VMSTATE_UINT8_ARRAY(question, RigHostcall, RIG_HOSTCALL_QUESTION_MAX),
        VMSTATE_UINT8_ARRAY(answer, RigHostcall, RIG_HOSTCALL_ANSWER_MAX),
        VMSTATE_END_OF_LIST()
    }
};

static const Property hostcall_properties[] = {
    DEFINE_PROP_CHR("chardev", RigHostcall, chr),
};

static void hostcall_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);

    k->realize = hostcall_realize;
    k->exit = hostcall_exit;
    k->vendor_id = RIG_HOSTCALL_VENDOR_ID;
    k->device_id = RIG_HOSTCALL_DEVICE_ID;
    k->class_id = PCI_CLASS_OTHERS;
    dc->desc = "A guest's program asks the host; the guest's clock stands "
               "until the answer is there";
    dc->vmsd = &vmstate_hostcall;
    /* A CPU may be inside of it. */
    dc->hotpluggable = false;
    RESETTABLE_CLASS(klass)->phases.hold = hostcall_reset_hold;
    device_class_set_props(dc, hostcall_properties);
    object_class_property_set_description(
        klass, "chardev", "where questions go and answers come from");
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo hostcall_types[] = {
    {
        .name = TYPE_RIG_HOSTCALL,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(RigHostcall),
        .class_init = hostcall_class_init,
        .interfaces = (InterfaceInfo[]) {
            { INTERFACE_CONVENTIONAL_PCI_DEVICE },
            { },
        },
    },
};

DEFINE_TYPES(hostcall_types)

/*
 * The bare machine at EL2: console, exceptions, calls, other CPUs
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * No MMU: every access is to Device memory, aligned, and in order.
 */
#include "machine.h"

#define UART            0x09000000ull
#define UART_FLAGS      0x18
#define UART_EMPTY      0x10
#define UART_CONTROL    0x30
#define UART_ENABLE     0x301           /* transmit and receive */
#define PSCI_CPU_ON     0xC4000003u
#define PSCI_SYSTEM_OFF 0x84000008u
#define STACK_SIZE      16384
#define ESR_EC(esr)     ((esr) >> 26 & 0x3f)
#define EC_DATA_ABORT   0x25            /* from the same exception level */
#define DFSC(esr)       ((esr) & 0x3f)
#define DFSC_GPF        0x28

uint8_t stacks[MAX_CPUS][STACK_SIZE] __attribute__((aligned(16)));
/* Of each CPU: what the vector saw, and whether it may skip the instruction */
volatile uint64_t fault_esr[MAX_CPUS];
volatile uint64_t fault_expected[MAX_CPUS];
unsigned cpus = 1;
static volatile uint64_t work_of[MAX_CPUS];
static unsigned points;

asm(".globl _start\n"
    "_start:\n\t"
    "mov x19, #0\n"
    "start_cpu:\n\t"
    "adrp x1, stacks\n\t"
    "add x1, x1, :lo12:stacks\n\t"
    "add x2, x19, #1\n\t"
    "add x1, x1, x2, lsl #14\n\t"
    "mov sp, x1\n\t"
    "adrp x1, vectors\n\t"
    "add x1, x1, :lo12:vectors\n\t"
    "msr vbar_el2, x1\n\t"
    "msr tpidr_el2, x19\n\t"
    "isb\n\t"
    "cbnz x19, 1f\n\t"
    "bl rmi_main\n"
    "1:\tbl cpu_main\n\t"
    "b 1b\n"
    ".globl secondary\n"
    "secondary:\n\t"
    "mov x19, x0\n\t"
    "b start_cpu\n"
    /* Synchronous, same level: note it, and go on behind the instruction. */
    ".balign 2048\n"
    "vectors:\n\t"
    ".rept 4\n\tb .\n\t.balign 128\n\t.endr\n\t"
    "stp x0, x1, [sp, #-32]!\n\t"
    "str x2, [sp, #16]\n\t"
    "mrs x0, tpidr_el2\n\t"
    "mrs x2, esr_el2\n\t"
    "adrp x1, fault_esr\n\t"
    "add x1, x1, :lo12:fault_esr\n\t"
    "str x2, [x1, x0, lsl #3]\n\t"
    "adrp x1, fault_expected\n\t"
    "add x1, x1, :lo12:fault_expected\n\t"
    "ldr x2, [x1, x0, lsl #3]\n\t"
    "cbz x2, unexpected\n\t"
    /* 1: go on behind the instruction; anything else: go on there */
    "sub x1, x2, #1\n\t"
    "cbnz x1, 2f\n\t"
    "mrs x2, elr_el2\n\t"
    "add x2, x2, #4\n"
    "2:\tmsr elr_el2, x2\n\t"
    "ldr x2, [sp, #16]\n\t"
    "ldp x0, x1, [sp], #32\n\t"
    "eret\n\t"
    ".balign 128\n\t"
    ".rept 3\n\tb .\n\t.balign 128\n\t.endr\n\t"
    /* From EL1, whatever it was: on at EL2, where TPIDR_EL0 says; X0: ESR */
    "mrs x0, tpidr_el0\n\t"
    "msr elr_el2, x0\n\t"
    "mov x0, #0x3c9\n\t"
    "msr spsr_el2, x0\n\t"
    "mrs x0, esr_el2\n\t"
    "eret\n\t"
    ".balign 128\n\t"
    ".rept 7\n\tb .\n\t.balign 128\n\t.endr\n"
    "unexpected:\n\t"
    "b rmi_unexpected\n");

void put(const char *text)
{
    *(volatile uint32_t *)(UART + UART_CONTROL) = UART_ENABLE;
    while (*text) {
        *(volatile uint32_t *)UART = (uint8_t)*text++;
    }
}

void put_hex(uint64_t value)
{
    char text[19] = "0x";
    unsigned n = 2;
    bool seen = false;

    for (int shift = 60; shift >= 0; shift -= 4) {
        unsigned digit = value >> shift & 0xf;

        seen |= digit || !shift;
        if (seen) {
            text[n++] = "0123456789abcdef"[digit];
        }
    }
    text[n] = '\0';
    put(text);
}

void put_dec(uint64_t value)
{
    char text[21];
    char *p = text + 20;

    *p = '\0';
    do {
        *--p = '0' + value % 10;
        value /= 10;
    } while (value);
    put(p);
}

void get_line(char *line, unsigned size)
{
    unsigned n = 0;
    char c;

    *(volatile uint32_t *)(UART + UART_CONTROL) = UART_ENABLE;
    do {
        while (*(volatile uint32_t *)(UART + UART_FLAGS) & UART_EMPTY) {
            asm volatile("yield");
        }
        c = *(volatile uint32_t *)UART;
        if (n + 1 < size && c != '\n' && c != '\r') {
            line[n++] = c;
        }
    } while (c != '\n' && c != '\r');
    line[n] = '\0';
}

void ok(bool good, const char *what)
{
    put(good ? "ok " : "not ok ");
    put_dec(++points);
    put(" - ");
    put(what);
    put("\n");
}

void is(uint64_t came, uint64_t wanted, const char *what)
{
    if (came != wanted) {
        put("# came ");
        put_hex(came);
        put(", wanted ");
        put_hex(wanted);
        put("\n");
    }
    ok(came == wanted, what);
}

void plan(void)
{
    put("1..");
    put_dec(points);
    put("\n");
}

void rmi_unexpected(void);
void rmi_unexpected(void)
{
    uint64_t elr, far;

    asm volatile("mrs %0, elr_el2" : "=r" (elr));
    asm volatile("mrs %0, far_el2" : "=r" (far));
    put("# exception, ESR ");
    put_hex(fault_esr[this_cpu()]);
    put(" ELR ");
    put_hex(elr);
    put(" FAR ");
    put_hex(far);
    put("\n");
    ok(false, "no unexpected exception");
    plan();
    power_off();
}

uint64_t smc(uint64_t fid, const uint64_t *in, unsigned n, uint64_t out[5])
{
    register uint64_t x0 asm("x0") = fid;
    register uint64_t x1 asm("x1") = n > 0 ? in[0] : 0;
    register uint64_t x2 asm("x2") = n > 1 ? in[1] : 0;
    register uint64_t x3 asm("x3") = n > 2 ? in[2] : 0;
    register uint64_t x4 asm("x4") = n > 3 ? in[3] : 0;
    register uint64_t x5 asm("x5") = n > 4 ? in[4] : 0;
    register uint64_t x6 asm("x6") = n > 5 ? in[5] : 0;

    asm volatile("smc #0" : "+r" (x0), "+r" (x1), "+r" (x2), "+r" (x3),
                 "+r" (x4), "+r" (x5), "+r" (x6) : : "x7", "x8", "x9", "x10",
                 "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
    if (out) {
        out[0] = x0;
        out[1] = x1;
        out[2] = x2;
        out[3] = x3;
        out[4] = x4;
    }
    return x0;
}

void power_off(void)
{
    smc(PSCI_SYSTEM_OFF, NULL, 0, NULL);
    for (;;) {
        asm volatile("wfi");
    }
}

unsigned this_cpu(void)
{
    uint64_t cpu;

    asm volatile("mrs %0, tpidr_el2" : "=r" (cpu));
    return cpu;
}

uint64_t try_load(uint64_t addr, uint64_t *value)
{
    unsigned cpu = this_cpu();
    uint64_t got = 0;

    fault_esr[cpu] = 0;
    fault_expected[cpu] = 1;
    asm volatile("dsb sy\n\tldr %0, [%1]\n\tdsb sy" : "+r" (got) : "r" (addr)
                 : "memory");
    fault_expected[cpu] = 0;
    if (value) {
        *value = got;
    }
    return fault_esr[cpu];
}

#define EXPECT(insn) \
    asm volatile("dsb sy\n\t" insn "\n\tdsb sy" : "+r" (value) : "r" (addr) \
                 : "memory")

uint64_t try_access(Access how, uint64_t addr)
{
    unsigned cpu = this_cpu();
    uint64_t value = 0;

    fault_esr[cpu] = 0;
    fault_expected[cpu] = 1;
    switch (how) {
    case LOAD:
        EXPECT("ldr %0, [%1]");
        break;
    case STORE:
        EXPECT("str %0, [%1]");
        break;
    case ATOMIC:
        EXPECT("ldadd %0, %0, [%1]");
        break;
    case EXCLUSIVE:
        EXPECT("ldxr %0, [%1]");
        break;
    case ZERO:
        EXPECT("dc zva, %1");
        break;
    case FETCH:
        /* There is a RET, or a fault on the way to it. */
        asm volatile("adr %0, 1f\n\t"
                     "str %0, [%2]\n\t"
                     "ic iallu\n\t"
                     "dsb sy\n\t"
                     "isb\n\t"
                     "blr %1\n"
                     "1:" : "=&r" (value) : "r" (addr),
                     "r" (&fault_expected[cpu]) : "x30", "memory");
        break;
    default:
        break;
    }
    fault_expected[cpu] = 0;
    return fault_esr[cpu];
}

/*
 * A guest of one instruction: HCR_EL2 has VM, RW, and GPF, so that its
 * protection faults come here as well.
 */
#define HCR_GUEST (1ull << 48 | 1ull << 31 | 1)

uint64_t guest_load(uint64_t table, uint64_t ipa)
{
    register uint64_t x0 asm("x0") = ipa;
    /* 39 bits from level 1 on, 4 KiB, 40 bits of PA, write-back */
    uint64_t vtcr = 1u << 31 | 2 << 16 | 3 << 12 | 1 << 10 | 1 << 8 | 1 << 6 |
                    25;
    uint64_t hcr;

    asm volatile("mrs %1, hcr_el2\n\t"
                 "msr vttbr_el2, %2\n\t"
                 "msr vtcr_el2, %3\n\t"
                 "msr hcr_el2, %4\n\t"
                 "isb\n\t"
                 "tlbi alle1\n\t"
                 "dsb sy\n\t"
                 "adr x9, 2f\n\t"
                 "msr tpidr_el0, x9\n\t"
                 "adr x9, 1f\n\t"
                 "msr elr_el2, x9\n\t"
                 "mov x9, #0x3c5\n\t"
                 "msr spsr_el2, x9\n\t"
                 "eret\n"
                 "1:\tldr x1, [x0]\n\t"
                 "hvc #0\n"
                 "2:\tmsr hcr_el2, %1\n\t"
                 "isb" : "+r" (x0), "=&r" (hcr) : "r" (table), "r" (vtcr),
                 "r" (HCR_GUEST) : "x1", "x9", "memory");
    return x0;
}

bool is_gpf(uint64_t esr)
{
    return ESR_EC(esr) == EC_DATA_ABORT && DFSC(esr) == DFSC_GPF;
}

void cpu_main(void);
void cpu_main(void)
{
    unsigned cpu = this_cpu();

    for (;;) {
        uint64_t work = work_of[cpu];

        if (work) {
            ((void (*)(unsigned))work)(cpu);
            asm volatile("dsb sy" : : : "memory");
            work_of[cpu] = 0;
        }
        asm volatile("yield");
    }
}

void start_cpus(void)
{
    extern char secondary[];

    while (cpus < MAX_CPUS) {
        uint64_t in[] = { cpus, (uintptr_t)secondary, cpus };

        if (smc(PSCI_CPU_ON, in, 3, NULL)) {
            break;
        }
        cpus++;
    }
}

void on_all_cpus(void (*work)(unsigned cpu))
{
    for (unsigned i = 1; i < cpus; i++) {
        work_of[i] = (uintptr_t)work;
    }
    asm volatile("dsb sy" : : : "memory");
    work(0);
    for (unsigned i = 1; i < cpus; i++) {
        while (work_of[i]) {
            asm volatile("yield");
        }
    }
}

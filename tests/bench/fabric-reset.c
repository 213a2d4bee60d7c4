/*
 * Benchmark of resets, on the bare machine: when does a device answer after a
 * Secondary Bus Reset?
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The time is from the write that clears Secondary Bus Reset to the first read
 * of Vendor ID that is neither all ones (the link is down) nor 0x0001 (the
 * device is not ready, and RRS Software Visibility is on: PCIe r6.0 sec 2.3.1).
 *
 *     sample ROUND SLOT READS NANOSECONDS
 *
 * SLOT is the root port's device number. fabric-reset.py starts this and reads
 * the lines.
 */
#include "bare/pci.h"

#ifndef ROUNDS
#define ROUNDS 20
#endif
#define PCI_BRIDGE_CONTROL 0x3e
#define PCI_BUS_RESET 0x40
#define PCI_SECONDARY_BUS 0x19
#define PCI_EXP_ROOT_CONTROL 0x1c
#define PCI_EXP_RRS_SV 0x10

static void wait_us(uint64_t us)
{
    uint64_t start = ticks();

    while (ticks() - start < us * frequency() / 1000000) {
    }
}

static void reset(unsigned round, unsigned slot, uint64_t port)
{
    uint64_t child = ECAM + ((uint64_t)REG8(port + PCI_SECONDARY_BUS) << 20);
    uint16_t control = REG16(port + PCI_BRIDGE_CONTROL);
    uint64_t start, time;
    unsigned reads = 0;

    REG16(exp_cap(port) + PCI_EXP_ROOT_CONTROL) |= PCI_EXP_RRS_SV;
    REG16(port + PCI_BRIDGE_CONTROL) = control | PCI_BUS_RESET;
    wait_us(1000);
    if (REG32(child) != ~0u) {
        fail("a device answers in reset, slot", slot);
    }
    start = ticks();
    REG16(port + PCI_BRIDGE_CONTROL) = control;
    do {
        reads++;
        time = ticks() - start;
        if (time > PATIENCE_SECONDS * frequency()) {
            fail("a device does not come back, slot", slot);
        }
    } while (REG32(child) != ENDPOINT_ID);
    put("sample");
    put_number(round);
    put_number(slot);
    put_number(reads);
    put_number((ticks() - start) * 1000000 / (frequency() / 1000));
    put("\n");
}

void bench_main(void)
{
    unsigned round, slot;

    REG32(UART + UART_CONTROL) = UART_TRANSMIT;
    scan(0, 0);
    for (round = 0; round <= ROUNDS; round++) {
        for (slot = 1; slot < 32; slot++) {
            uint64_t port = ECAM + (slot << 15);

            if (REG16(port) != 0xffff &&
                (REG8(port + PCI_HEADER_TYPE) & 0x7f) == 1) {
                reset(round, slot, port);
            }
        }
    }
    put("done\n");
    power_off();
}

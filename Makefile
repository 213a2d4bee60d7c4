# The front door of qemu-rig; `make help` tells what there is.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Paths are relative on purpose: the checkout's own path may have a space in it.

# SHELL=1 is ours to read; make would run every recipe with a program "1".
interactive := $(if $(findstring command,$(origin SHELL)),$(SHELL))
override SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

# What `make boot` hands through.
KERNEL =
MODULES =
APPEND =
INITRD =
RMM =
SCENARIO =

# What `make compare` hands through besides.
OLD =
NEW =
OLD_MODULES =
NEW_MODULES =

# What configure depends on: when one of these changes, it runs again.
configure_inputs := configure $(wildcard configs/* upstream/* scripts/*.sh)

q = '$(subst ','\'',$(1))'
both_args = $(if $(APPEND),--append=$(call q,$(APPEND))) \
            $(if $(RMM),--rmm=$(call q,$(RMM))) \
            $(if $(SCENARIO),--scenario=$(call q,$(SCENARIO)))
guest_args = $(if $(KERNEL),--kernel=$(call q,$(KERNEL))) \
             $(if $(MODULES),--modules=$(call q,$(MODULES))) \
             $(if $(INITRD),--initrd=$(call q,$(INITRD))) \
             $(both_args) \
             $(if $(filter-out 0 no,$(interactive)),--shell)
compare_args = --kernel=$(call q,$(OLD)) --kernel=$(call q,$(NEW)) \
               --modules=$(call q,$(OLD_MODULES)) \
               --modules=$(call q,$(NEW_MODULES)) \
               $(if $(T),--only=$(call q,$(T))) \
               $(both_args)

.PHONY: all setup build boot recipes compare check check-qtest check-guest check-long bench fuzz docs clean \
        distclean upstream-check help
.NOTPARALLEL:

all: build

build/configured.ok: $(configure_inputs)
	@eval ./configure $$(cat build/options 2>/dev/null)
	@touch $@

setup: build/configured.ok

build: setup
	@scripts/build.sh

boot: build
	@python3 tests/guest/run.py --set boot $(guest_args)

recipes: build
	@python3 tests/guest/run.py --recipes $(guest_args) \
	    $(if $(T),--only=$(call q,$(T)))

compare: build
	@test -n $(call q,$(OLD)) && test -n $(call q,$(NEW)) || \
	    { echo "make compare OLD=kernel NEW=kernel, see make help" >&2; exit 2; }
	@python3 tests/guest/run.py --set boot --compare $(compare_args)

check: build
	@scripts/check.sh qtest guest

check-qtest: build
	@T=$(call q,$(T)) scripts/check.sh qtest

check-guest: build
	@scripts/check.sh guest

check-long: build
	@scripts/check.sh long

bench: build
	@scripts/bench.sh

fuzz: setup
	@scripts/fuzz.sh

docs:
	@scripts/docs.sh

clean:
	@if [ -d build/qemu ]; then ninja -C build/qemu -t clean >/dev/null; fi
	@rm -rf build/results build/logs build/guest/bin build/guest/*.cpio

distclean:
	@scripts/distclean.sh

upstream-check: setup
	@scripts/upstream-check.sh

help:
	@sed -n 's/^#h //p;s/^#h$$//p' Makefile

#h make                 set up if need be, and build build/qemu-system-aarch64
#h make boot            boot Debian's arm64 kernel on it, with our devices, and
#h                      print a table of what the guest saw
#h   KERNEL=Image         your own kernel; or debian:6.12, debian:latest
#h   MODULES=dir          its modules (INSTALL_MOD_PATH)
#h   APPEND="..."         more words for its command line
#h   INITRD=file          your own initramfs instead of ours
#h   SCENARIO=file.ipmi   a scenario of yours alone: a BMC that misbehaves
#h   SHELL=1              an interactive shell in the guest
#h   RMM=...              with arm-rmm at EL3: a recipe of its cookbook, a file
#h                        with a script, properties (abi=bet1), or 1
#h make recipes         your kernel against each recipe of that cookbook, one boot
#h                      each: KERNEL=, INITRD= (starts a realm VM, powers off),
#h   T='reclaim-*'        only those whose names match
#h make compare OLD=kernel NEW=kernel
#h                      the tests of make boot on both; prints what differs
#h   OLD_MODULES= NEW_MODULES= APPEND= SCENARIO= RMM= as above;
#h   T='ipmi-*'           other guest tests
#h make check           every test; ends with "N passed, N failed"
#h make check-qtest     the qtests only: seconds after a change of a device
#h   T='ipmi-*'           only those whose names match
#h make check-guest     the guest tests only
#h make check-long      what takes minutes: 10,000 resets, long waits
#h make bench           the benchmarks: ratios, measured in one run
#h make fuzz            random guests under the sanitizers (a build of its own);
#h                      RIG_FUZZ_SECONDS, RIG_FUZZ_SEED, RIG_FUZZ_ONLY
#h make docs            the documentation as HTML in build/docs
#h make upstream-check  does upstream/ apply to the newest QEMU of the series?
#h make clean           remove what was built; make distclean: all of build/
#h
#h ./configure --help   options of the set-up; make remembers them

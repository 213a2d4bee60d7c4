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

# What configure depends on: when one of these changes, it runs again.
configure_inputs := configure $(wildcard configs/* upstream/* scripts/*.sh)

# Whatever stands on the command line goes through to ./rig, which knows what it
# may be called; SHELL is on top.
q = '$(subst ','\'',$(1))'
given := $(foreach v,$(filter-out SHELL MAKEFLAGS,$(.VARIABLES)),\
           $(if $(findstring command line,$(origin $(v))),$(v)))
words = $(foreach v,$(given),$(call q,$(v)=$($(v)))) \
        $(if $(interactive),$(call q,SHELL=$(interactive)))
rig = @./rig --no-setup

.PHONY: all setup build boot shell test list kconfig recipes compare check check-qtest \
        check-guest check-long bench fuzz docs clean distclean upstream-check help FORCE
.NOTPARALLEL:

all: build

# A checkout that was moved or copied has links and paths of where it was.
ifneq ($(shell cat build/where 2>/dev/null),$(shell pwd -P))
build/configured.ok: FORCE
endif

build/configured.ok: $(configure_inputs)
	@eval ./configure $$(cat build/options 2>/dev/null)
	@touch $@

FORCE:

setup: build/configured.ok

build: setup
	@scripts/build.sh

boot shell test compare recipes check: build
	$(rig) $@ $(words)

check-qtest: build
	$(rig) check qtest $(words)

check-guest: build
	$(rig) check guest $(words)

check-long: build
	$(rig) check long $(words)

list kconfig:
	$(rig) $@ $(words)

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
#h   KERNEL=Image         your own kernel, or a kernel tree; debian:6.12,
#h                        debian:latest
#h   MODULES=dir          its modules (INSTALL_MOD_PATH)
#h   APPEND="..."         more words for its command line
#h   T='ipmi-*'           these tests; make list names them
#h   SCENARIO=file.ipmi   a scenario of yours alone: a BMC that misbehaves
#h   RMM=...              with arm-rmm at EL3: a recipe of its cookbook, a file
#h                        with a script, properties (abi=bet1), or 1
#h   INITRD=file          your own initramfs instead of ours; nothing is judged
#h   SHELL=1              a shell in the guest; make shell is the same
#h make shell           TOPOLOGY=name: other devices
#h make test T=...      only these guest tests, on every kernel of theirs
#h make list            names of tests and recipes; T='ipmi-*'
#h make kconfig         the options that a kernel needs for all tests
#h make recipes         your kernel against each recipe of that cookbook, one boot
#h                      each: KERNEL=, INITRD= (starts a realm VM, powers off),
#h   T='reclaim-*'        only those whose names match
#h make compare OLD=kernel NEW=kernel
#h                      the tests of make boot on both; prints what differs
#h   OLD_MODULES= NEW_MODULES= APPEND= SCENARIO= RMM= T= as above
#h make check           every test; ends with "N passed, N failed"
#h make check-qtest     the qtests only: seconds after a change of a device
#h make check-guest     the guest tests only
#h   T='ipmi-*'           only those whose names match
#h make check-long      what takes minutes: 10,000 resets, long waits
#h make bench           the benchmarks: ratios, measured in one run
#h make fuzz            random guests under the sanitizers (a build of its own);
#h                      RIG_FUZZ_SECONDS, RIG_FUZZ_SEED, RIG_FUZZ_ONLY
#h make docs            the documentation as HTML in build/docs
#h make upstream-check  does upstream/ apply to the newest QEMU of the series?
#h make clean           remove what was built; make distclean: all of build/
#h
#h ./rig VERB --help    the same verbs from anywhere, a kernel tree for example,
#h                      with exit statuses that scripts can use
#h ./configure --help   options of the set-up; make remembers them

# What the benchmarks on the bare machine share.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Build a program that QEMU's machine virt starts in place of a kernel. Whoever
imports this has tests/guest in sys.path."""

from __future__ import annotations

import pathlib
import subprocess

from harness.image import ImageError, compiler
from harness.session import TOP
from harness.table import HERE


def build(script: pathlib.Path, rounds: int) -> pathlib.Path:
    """The C file beside the benchmark's script."""
    source = script.resolve().with_suffix(".c")
    target = (TOP / "build").resolve() / "guest" / "bin" / (source.stem + ".elf")
    target.parent.mkdir(parents=True, exist_ok=True)
    # No MMU, hence no unaligned accesses; no FPU, nobody has switched it on.
    command = [compiler(), "-std=gnu11", "-O2", "-g0", "-Wall", "-Wextra",
               "-Werror", "-ffreestanding", "-nostdlib", "-static", "-no-pie",
               "-fno-pic", "-fno-stack-protector", "-mgeneral-regs-only",
               "-mstrict-align", "-fno-tree-loop-distribute-patterns",
               "-Wno-unused-function", "-Wl,-Ttext=0x40200000",
               "-Wl,--build-id=none", f"-DROUNDS={rounds}", "-I", str(HERE),
               "-o", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ImageError(f"{source.name} does not compile:\n{done.stderr}")
    return target

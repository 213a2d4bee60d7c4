# Initramfs images, guest programs and kernel modules.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Put together what a guest boots."""

from __future__ import annotations

import fcntl
import gzip
import lzma
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import contextlib
from collections.abc import Iterator

from . import status
from .table import HERE


class ImageError(Exception):
    """What the user gave cannot be booted: a sentence that says why."""

    status = status.USAGE


class SetupError(ImageError):
    """Something that a guest needs cannot be made here."""

    status = status.SETUP


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[None]:
    """Only one run of the harness makes shared files at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# --- cpio -------------------------------------------------------------------

class Cpio:
    """A "newc" archive. Several of them one after the other are an initramfs;
    not compressed, since the guest's CPU is an emulated one."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.inode = 0
        self.known: set[str] = set()

    def _pad(self) -> None:
        self.data += b"\0" * (-len(self.data) % 4)

    def _entry(self, name: str, mode: int, content: bytes = b"",
               device: tuple[int, int] = (0, 0)) -> None:
        self.inode += 1
        fields = (self.inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device,
                  len(name.encode()) + 1, 0)
        self.data += b"070701" + b"".join(b"%08X" % f for f in fields)
        self.data += name.encode() + b"\0"
        self._pad()
        self.data += content
        self._pad()

    def directory(self, name: str) -> None:
        if name in ("", ".") or name in self.known:
            return
        self.directory(os.path.dirname(name))
        self.known.add(name)
        self._entry(name, stat.S_IFDIR | 0o755)

    def file(self, name: str, content: bytes, mode: int = 0o644) -> None:
        self.directory(os.path.dirname(name))
        self._entry(name, stat.S_IFREG | mode, content)

    def link(self, name: str, target: str) -> None:
        self.directory(os.path.dirname(name))
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def node(self, name: str, major: int, minor: int) -> None:
        self.directory(os.path.dirname(name))
        self._entry(name, stat.S_IFCHR | 0o600, device=(major, minor))

    def tree(self, root: pathlib.Path) -> None:
        for path in sorted(root.rglob("*")):
            name = str(path.relative_to(root))
            if path.is_symlink():
                self.link(name, os.readlink(path))
            elif path.is_dir():
                self.directory(name)
            elif path.is_file():
                self.file(name, path.read_bytes(), path.stat().st_mode & 0o755)

    def finish(self) -> bytes:
        self._entry("TRAILER!!!", 0)
        self.data += b"\0" * (-len(self.data) % 512)
        return bytes(self.data)


def replace(path: pathlib.Path, parts: list[bytes]) -> None:
    """Nobody ever sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    try:
        with open(beside, "wb") as out:
            out.writelines(parts)
        beside.rename(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise SetupError(f"{path} cannot be written: {error.strerror}") from error


def userland(build: pathlib.Path, tree: str) -> bytes:
    """The archive of build/guest/userland/TREE, made once."""
    root = build / "guest" / "userland" / tree
    recipe = build / "guest" / "userland" / "recipe"
    if not recipe.exists():
        raise SetupError("the guests' user land is missing: run "
                         "scripts/guest-userland.sh")
    made = build / "guest" / f"initramfs-userland-{tree}.cpio"
    if not made.exists() or made.stat().st_mtime < recipe.stat().st_mtime:
        cpio = Cpio()
        cpio.tree(root)
        if tree == "base":
            cpio.node("dev/console", 5, 1)
            cpio.node("dev/null", 1, 3)
            cpio.node("dev/kmsg", 1, 11)
            cpio.directory("rig/applets")
        replace(made, [cpio.finish()])
    return made.read_bytes()


# --- programs ---------------------------------------------------------------

def compiler() -> str:
    path = shutil.which("aarch64-linux-gnu-gcc")
    if path:
        return path
    raise SetupError("aarch64-linux-gnu-gcc is missing: run ./configure, which "
                     "installs gcc-aarch64-linux-gnu and libc6-dev-arm64-cross")


def compile_program(build: pathlib.Path, source: pathlib.Path) -> pathlib.Path:
    """A static program, so that it runs on whatever the guest has."""
    target = build / "guest" / "bin" / source.stem
    newest = max(p.stat().st_mtime for p in [source, *HERE.glob("*.h")])
    if target.exists() and target.stat().st_mtime > newest:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(target.name + ".new")
    command = [compiler(), "-std=gnu11", "-O2", "-g0", "-static", "-s", "-Wall",
               "-Wextra", "-Werror", "-I", str(HERE), "-o", str(beside),
               str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SetupError(f"{source.name} does not compile:\n{done.stderr}")
    beside.rename(target)
    return target


# --- modules ----------------------------------------------------------------

def _key(name: str) -> str:
    """The kernel treats - and _ alike in a module's name."""
    base = re.sub(r"\.ko(\.(xz|gz|zst))?$", "", os.path.basename(name))
    return base.replace("-", "_")


class Modules:
    """A directory of kernel modules: lib/modules/VERSION, or a tree above it
    as INSTALL_MOD_PATH makes it. Or none at all: everything is built in."""

    def __init__(self, root: pathlib.Path | None) -> None:
        self.files: dict[str, pathlib.Path] = {}
        if root is None:
            return
        if not root.is_dir():
            raise ImageError(f"{root} is no directory of modules")
        for path in root.rglob("*.ko*"):
            if re.search(r"\.ko(\.(xz|gz|zst))?$", path.name):
                self.files.setdefault(_key(path.name), path)

    def content(self, path: pathlib.Path) -> bytes:
        raw = path.read_bytes()
        if path.suffix == ".xz":
            return lzma.decompress(raw)
        if path.suffix == ".gz":
            return gzip.decompress(raw)
        if path.suffix == ".zst":
            return subprocess.run(["zstd", "-dcq", str(path)], check=True,
                                  capture_output=True).stdout
        return raw

    def closure(self, names: tuple[str, ...]) -> list[tuple[str, bytes]]:
        """The modules and what they depend on, in the order of loading. One
        that is not there is left out: it may be built in, the guest tells."""
        ordered: list[tuple[str, bytes]] = []
        visited: set[str] = set()

        def visit(name: str) -> None:
            key = _key(name)
            if key in visited or key not in self.files:
                return
            visited.add(key)
            content = self.content(self.files[key])
            # "depends=a,b" in the section .modinfo; no table from depmod is
            # needed, which a kernel developer's directory may not have.
            found = re.search(rb"\0depends=([^\0]*)\0", content)
            for other in (found.group(1).decode() if found else "").split(","):
                if other:
                    visit(other)
            ordered.append((key + ".ko", content))

        for name in names:
            visit(name)
        return ordered


def module_index(version: str) -> dict[str, bytes]:
    """The tables of an empty lib/modules/VERSION, without which lspci
    complains about kmod; nothing if this host has no depmod. /lib is a link."""
    depmod = shutil.which("depmod", path=f"{os.environ.get('PATH', '')}:/sbin:"
                          "/usr/sbin")
    if not version or not depmod:
        return {}
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name) / "lib" / "modules" / version
        place.mkdir(parents=True)
        for empty in ("modules.order", "modules.builtin",
                      "modules.builtin.modinfo"):
            (place / empty).touch()
        subprocess.run([depmod, "-b", name, version], capture_output=True)
        return {f"usr/lib/modules/{version}/{path.name}": path.read_bytes()
                for path in sorted(place.iterdir())}

# What a user gives as a kernel, looked at before anything boots.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Image formats, kernel trees, versions, modules: a mistake is a sentence that
says what to do, within a second."""

from __future__ import annotations

import gzip
import pathlib
import re
import struct
import zlib

from .image import ImageError, Modules

BOOT = pathlib.Path("arch/arm64/boot")
# In the order of liking
IMAGES = ("Image", "Image.gz", "vmlinuz.efi")
BUILD = "make ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- Image"
_ELF_AARCH64 = 183
_ARM64_MAGIC, _ARM64_AT = b"ARMd", 56
_ZBOOT_MAGIC, _ZBOOT_AT, _ZBOOT_COMPRESSION = b"zimg", 4, 24
_X86_MAGIC, _X86_AT = b"HdrS", 0x202
_HEAD = 4096
_VERSION = re.compile(rb"Linux version (\S+) \(")
_VERMAGIC = re.compile(rb"\0vermagic=([^ \0]+)")


def is_tree(path: pathlib.Path) -> bool:
    """A kernel's source tree, or a directory that it was built into (O=)"""
    return (path / "Kbuild").is_file() and (path / "MAINTAINERS").is_file() or \
        (path / ".config").is_file() and (path / BOOT).is_dir()


def tree_around(path: pathlib.Path) -> pathlib.Path | None:
    """The kernel tree that this directory is in"""
    return next((p for p in (path, *path.parents) if is_tree(p)), None)


def _in_tree(tree: pathlib.Path) -> pathlib.Path:
    for name in IMAGES:
        if (tree / BOOT / name).is_file():
            return tree / BOOT / name
    if (tree / "arch/x86/boot/bzImage").exists():
        raise ImageError(f"{tree} is built for x86; for arm64: {BUILD}")
    if is_tree(tree):
        raise ImageError(f"the kernel tree {tree} is not built: {BUILD}")
    raise ImageError(f"{tree} is neither a kernel tree nor a directory that one "
                     f"was built into (there is no {BOOT}/Image)")


def find(spec: str) -> pathlib.Path:
    """The image that a path stands for; it has been looked at."""
    path = pathlib.Path(spec)
    if path.is_dir():
        path = _in_tree(path)
    if not path.is_file():
        raise ImageError(f"there is no kernel image {spec}; give the path of an "
                         "arm64 Image or of a built kernel tree, debian:stable or "
                         "debian:latest")
    try:
        with open(path, "rb") as file:
            wrong = what_is_wrong(file.read(_HEAD), str(path))
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror}") from error
    if wrong:
        raise ImageError(wrong)
    return path.resolve()


def _of_elf(head: bytes, name: str) -> str:
    machine = struct.unpack_from("<H", head, 18)[0] if len(head) > 20 else 0
    if machine == _ELF_AARCH64:
        return (f"{name} is an ELF file (vmlinux); QEMU boots the Image that "
                f"lies beside it: {BOOT}/Image")
    return f"{name} is an ELF file and not for arm64 (machine {machine})"


def _of_zboot(head: bytes, name: str) -> str:
    kind = head[_ZBOOT_COMPRESSION:_ZBOOT_COMPRESSION + 32].split(b"\0")[0]
    if kind == b"gzip":
        return ""
    return (f"{name} is an EFI zboot image, compressed with "
            f"{kind.decode(errors='replace')}; QEMU unpacks gzip only: give "
            f"{BOOT}/Image")


def what_is_wrong(head: bytes, name: str) -> str:
    """With a file that begins so; nothing if QEMU boots it on arm64."""
    if not head:
        return f"{name} is empty"
    if head[:2] == b"\x1f\x8b":
        try:
            head = zlib.decompressobj(31).decompress(head)
        except zlib.error:
            return f"{name} begins like gzip and cannot be unpacked"
    if head[_ARM64_AT:_ARM64_AT + 4] == _ARM64_MAGIC:
        return ""
    if head[:4] == b"\x7fELF":
        return _of_elf(head, name)
    if head[:2] == b"MZ" and head[_ZBOOT_AT:_ZBOOT_AT + 4] == _ZBOOT_MAGIC:
        return _of_zboot(head, name)
    if head[_X86_AT:_X86_AT + 4] == _X86_MAGIC:
        return f"{name} is a kernel for x86; for arm64: {BUILD}"
    if head[:4] == b"\x27\x05\x19\x56":
        return f"{name} is a U-Boot uImage; give {BOOT}/Image"
    return (f"{name} is no arm64 kernel image (there is no 'ARMd' in its header); "
            f"give {BOOT}/Image")


def _payload(path: pathlib.Path) -> bytes:
    data = path.read_bytes()
    if data[_ZBOOT_AT:_ZBOOT_AT + 4] == _ZBOOT_MAGIC:
        offset, size = struct.unpack_from("<II", data, 8)
        data = data[offset:offset + size]
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def version(path: pathlib.Path) -> str:
    """Of a kernel image, as uname -r will have it; "" if it does not tell."""
    try:
        found = _VERSION.search(_payload(path))
    except (OSError, EOFError, zlib.error):
        return ""
    return found[1].decode(errors="replace") if found else ""


def check_modules(modules: Modules, kernel: str) -> None:
    """Modules of another kernel do not load: better to know at once."""
    for path in list(modules.files.values())[:1]:
        found = _VERMAGIC.search(modules.content(path))
        theirs = found[1].decode(errors="replace") if found else ""
        if theirs and kernel and theirs != kernel:
            raise ImageError(f"the modules are of {theirs}, the kernel is {kernel}: "
                             "make modules_install INSTALL_MOD_PATH=dir writes "
                             "those of the tree that the kernel is from")


def no_modules(root: pathlib.Path) -> ImageError:
    return ImageError(f"{root} holds no kernel modules (*.ko): give what make "
                      "modules_install INSTALL_MOD_PATH=dir wrote, or leave "
                      "MODULES out if everything is built in")

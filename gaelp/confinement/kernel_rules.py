"""Confines the calling process by the kernel's own means: Landlock, seccomp, resource limits, no capabilities.

Only ctypes and the standard library: this runs before anything foreign is imported and before any thread starts.
Landlock (kernel 5.13 and later, docs.kernel.org/userspace-api/landlock.html) decides which files are opened, and from
6.7 and 6.12 on also TCP, signals and abstract sockets. The seccomp filter refuses what Landlock does not see: sockets
of every kind, new processes, changes of modes and owners, the memory, limits and signals of others. Touch this to let
confined code do more, or less.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import stat
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from gaelp.confinement.system_calls import ARCHITECTURES, JUDGED, LAST_KNOWN, REFUSED

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same numbers on every machine
SET_PDEATHSIG, SET_DUMPABLE, SET_SECCOMP, SET_NO_NEW_PRIVS, KILL = 1, 4, 22, 38, 9
READ_FILE, WRITE_FILE, READ_DIR, TRUNCATE, IOCTL = 1 << 2, 1 << 1, 1 << 3, 1 << 14, 1 << 15
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_FILE, MAKE_LINK, REFER = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12, 1 << 13
READ, OF_FILES = READ_FILE | READ_DIR, READ_FILE | WRITE_FILE | TRUNCATE | IOCTL
USE = READ_FILE | WRITE_FILE | IOCTL  # of a device
WRITE = READ | WRITE_FILE | TRUNCATE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_FILE | MAKE_LINK | REFER
HANDLED = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}  # files, by the ABI that brought it
OPEN_FILES, LARGEST_FILE = 256, 2**30  # file descriptors; bytes


class AllowedPath(NamedTuple):  # no dataclass: every program of ours imports this, and `dataclasses` costs 8 ms
    """A path, and the Landlock rights on all that lies below it."""

    path: str
    rights: int


def lacking() -> str:
    """What this machine lacks to confine foreign code, in one sentence; empty where it lacks nothing."""
    if not sys.platform.startswith("linux"):
        return f"This system ({sys.platform}) has neither Landlock nor seccomp: foreign code can reach what you can."
    if platform.machine() not in ARCHITECTURES:
        return f"No seccomp filter is known for {platform.machine()}: foreign code can reach the network."
    if landlock_version() < 1:
        return "This kernel has no Landlock (5.13 and later have it, where it is enabled): foreign code can read files."
    return ""


@cache
def landlock_version() -> int:
    """The kernel's Landlock ABI; 0 where there is none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, int(_libc().syscall(CREATE_RULESET, None, 0, 1)))


def keep_private() -> None:
    """Keep this process's environment and memory, and the files it makes, from everybody else.

    A process that is not dumpable shows other processes of the same user nothing under /proc/PID.
    """
    os.umask(0o077)
    if sys.platform.startswith("linux"):
        _done(_libc().prctl(SET_DUMPABLE, 0, 0, 0, 0), "PR_SET_DUMPABLE")


def confine(places: Iterable[AllowedPath], memory: int, *, reserves: bool) -> None:
    """Confine this process for good. OSError where the kernel has the means and refuses.

    `memory` is in bytes: of all its address space, or where an accelerator's driver reserves far more than it uses
    (`reserves`) of its writable private memory.
    """
    _limit(resource.RLIMIT_DATA if reserves else resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    _limit(resource.RLIMIT_FSIZE, LARGEST_FILE)
    _limit(resource.RLIMIT_CORE, 0)
    if not sys.platform.startswith("linux"):
        return
    _done(_libc().prctl(SET_PDEATHSIG, KILL, 0, 0, 0), "PR_SET_PDEATHSIG")
    with suppress(OSError):  # a container may forbid it
        Path("/proc/self/oom_score_adj").write_text("1000")  # where memory runs out, this is ended first
    _done(_libc().prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")
    if landlock_version():
        _landlock(places)
    _drop_capabilities()
    if platform.machine() in ARCHITECTURES:
        _filter()


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _done(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (bound, bound))


def _landlock(places: Iterable[AllowedPath]) -> None:
    version = landlock_version()
    handled = HANDLED[max(known for known in HANDLED if known <= version)]
    # struct landlock_ruleset_attr: files; from ABI 4 on TCP bind and connect; from 6 on abstract sockets and signals.
    attributes = struct.pack("=QQQ", handled, 3, 3)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    ruleset = _done(_libc().syscall(CREATE_RULESET, attributes, len(attributes), 0), "landlock_create_ruleset")
    for place in places:
        try:
            descriptor = os.open(place.path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # what is not there needs no rule
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        rights = place.rights & handled if folder else place.rights & handled & OF_FILES
        rule = struct.pack("=Qi", rights, descriptor)  # struct landlock_path_beneath_attr, packed
        _done(_libc().syscall(ADD_RULE, ruleset, 1, rule, 0), "landlock_add_rule")
        os.close(descriptor)
    _done(_libc().syscall(RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


def _drop_capabilities() -> None:
    """None are left, and without new privileges none come back: matters where a container's user is root."""
    capset = {"x86_64": 126, "aarch64": 91}.get(platform.machine())
    if capset is not None:
        header, nothing = struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", *[0] * 6)
        _done(_libc().syscall(capset, header, nothing), "capset")


# ------------------------------------------------------------ seccomp: a classic BPF program over struct seccomp_data

LOAD, JUMP_EQUAL, JUMP_GREATER, JUMP_SET, RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
ALLOW, KILL_PROCESS, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
NUMBER, ARCHITECTURE, ARGUMENT = 0, 4, 16  # offsets; arguments are 8 bytes each, the low half first
NEW_THREAD = 0x00010000  # CLONE_THREAD
UNIX_SOCKET = 1  # AF_UNIX
SEND_SIGNALS = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: a descriptor that signals another process
OWNERS = (0x8901, 0x8902)  # FIOSETOWN, SIOCSPGRP: the same by ioctl
Step = tuple[int, int, int, int]  # code, jump where true, jump where false, value


def _filter() -> None:
    steps = program(*ARCHITECTURES[platform.machine()], os.getpid())
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    header = struct.pack("@HP", len(steps), ctypes.addressof(code))
    _done(_libc().prctl(SET_SECCOMP, 2, header, 0, 0), "PR_SET_SECCOMP")


def program(column: int, architecture: int, own: int) -> list[Step]:
    """The filter for the process `own`. What it does not name and the table knows is allowed."""
    steps = [(LOAD, 0, 0, ARCHITECTURE), (JUMP_EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL_PROCESS)]
    steps += [(LOAD, 0, 0, NUMBER), (JUMP_GREATER, 0, 1, LAST_KNOWN), (RETURN, 0, 0, ENOSYS)]
    for numbers in REFUSED.values():
        number = numbers[column]
        if number is not None:
            steps += [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, EPERM)]
    for name, number in ((name, both[column]) for name, both in JUDGED.items()):
        judged = _judged(name, own)
        steps += [(JUMP_EQUAL, 0, len(judged), number), *judged]
    return [*steps, (RETURN, 0, 0, ALLOW)]


def _judged(name: str, own: int) -> list[Step]:
    """What decides about one call; every way through it returns."""
    match name:
        case "clone3":  # its flags lie in memory, which no filter reads: the C library goes on with clone
            return [(RETURN, 0, 0, ENOSYS)]
        case "clone":
            allowed = [(LOAD, 0, 0, ARGUMENT), (JUMP_SET, 0, 1, NEW_THREAD)]
        case "socketpair":
            allowed = [(LOAD, 0, 0, ARGUMENT), (JUMP_EQUAL, 0, 1, UNIX_SOCKET)]
        case "kill" | "tgkill":
            allowed = [(LOAD, 0, 0, ARGUMENT), (JUMP_EQUAL, 0, 1, own)]
        case "prlimit64":
            allowed = [(LOAD, 0, 0, ARGUMENT), (JUMP_EQUAL, 1, 0, 0), (JUMP_EQUAL, 0, 1, own)]
        case "prctl":
            return _refusing(ARGUMENT, (SET_PDEATHSIG,))
        case "fcntl":
            return _refusing(ARGUMENT + 8, SEND_SIGNALS)
        case _:
            return _refusing(ARGUMENT + 8, OWNERS)
    return [*allowed, (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, EPERM)]


def _refusing(argument: int, values: tuple[int, ...]) -> list[Step]:
    steps: list[Step] = [(LOAD, 0, 0, argument)]
    for value in values:
        steps += [(JUMP_EQUAL, 0, 1, value), (RETURN, 0, 0, EPERM)]
    return [*steps, (RETURN, 0, 0, ALLOW)]

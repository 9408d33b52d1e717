"""What a confined process may open: its packages, the interpreter, devices, and one folder of its own.

Touch this when an honest package needs to read another place.
"""

from __future__ import annotations

import glob
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gaelp.confinement.kernel_rules import MAKE_FILE, READ, REMOVE_FILE, TRUNCATE, USE, WRITE, AllowedPath
from gaelp.settings import Settings

SOURCE = Path(__file__).resolve().parents[2]
SITES = ("site-packages", "dist-packages")
# Libraries, time zones and certificates; what the C library and numpy read at their start.
SYSTEM: tuple[str, ...] = (
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/share",
    "/usr/local/lib",
    "/lib",
    "/lib32",
)
SYSTEM += ("/lib64", "/etc/ld.so.cache", "/etc/localtime", "/etc/ssl/certs", "/etc/mime.types", "/etc/alternatives")
SYSTEM += ("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems", "/proc/sys/vm")
SYSTEM += ("/proc/driver/nvidia", "/sys/devices/system")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
ACCELERATORS = ("/dev/nvidia*", "/dev/nvidia-caps", "/dev/dri", "/dev/kfd", "/dev/accel", "/dev/accel*")
OF_ACCELERATORS = ("/sys/devices", "/sys/bus/pci", "/sys/class", "/sys/module/nvidia", "/etc/OpenCL", "/etc/vulkan")


def import_path() -> list[str]:
    """Where the child imports from: our own path, without folders that hold what nobody else may read."""
    return _public(map(os.path.abspath, filter(None, sys.path)))


def places(path: Sequence[str], scratch: Path) -> list[AllowedPath]:
    """All that a child with this import path may open."""
    readable = [*path, *_editable(), *_interpreter(), str(SOURCE / "gaelp")]
    return [
        *(AllowedPath(each, READ) for each in _public([*readable, *SYSTEM])),
        *(AllowedPath(each, USE | READ) for each in _public((*DEVICES, *accelerators()))),
        *(AllowedPath(each, READ) for each in OF_ACCELERATORS if accelerators()),
        AllowedPath("/dev/shm", READ | USE | MAKE_FILE | REMOVE_FILE | TRUNCATE),  # noqa: S108 — a device, as far as we care
        AllowedPath(str(scratch), WRITE),
    ]


def accelerators() -> list[str]:
    """Device files of accelerators that this machine has."""
    return [device for pattern in ACCELERATORS for device in glob.glob(pattern)]


def _interpreter() -> Iterator[str]:
    """The standard library and the files by which an interpreter finds itself."""
    yield from (sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib"))
    yield from (f"{prefix}/lib" for prefix in (sys.base_prefix, sys.base_exec_prefix, sys.prefix))
    yield from (f"{sys.prefix}/pyvenv.cfg", sys.executable, os.path.realpath(sys.executable))


def _editable() -> Iterator[str]:
    """Folders and modules of packages that setuptools installed in place: its finders keep them in a mapping."""
    for name, module in list(sys.modules.items()):
        if name.startswith("__editable__"):
            for place in dict(getattr(module, "MAPPING", {})).values():
                yield place if Path(place).is_dir() else f"{place}.py"


def _public(given: Iterable[str]) -> list[str]:
    settings, source = Settings(), SOURCE if SOURCE.name not in SITES else None  # a checkout, with what else lies in it
    kept = [each.resolve() for each in (settings.home, settings.approver_key, settings.notifications) if each]
    return [each for each in dict.fromkeys(given) if not _private(Path(each).resolve(), kept, source)]


def _private(there: Path, kept: Sequence[Path], source: Path | None) -> bool:
    """Whether it holds or lies in the home folder or the approver's key; or is our source, or a person's folder."""
    if any(there == each or there in each.parents or each in there.parents for each in kept):
        return True
    person = Path.home().resolve()
    return there == source or there == person or there in person.parents

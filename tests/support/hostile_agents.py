"""An agent that tries to get out: the text of its module, and the entry points by which each attempt is an agent.

`act` does the attempt that the agent is named for, and raises what came of it. Touch this to try another way out.
"""

from __future__ import annotations

from collections.abc import Mapping

MODULE = '''
import ctypes, fcntl, glob, mmap, os, resource, signal, socket, sqlite3, subprocess, sys, threading, time
from pathlib import Path
import numpy as np
from gaelp.agents.contract import Decision

TARGETS = __TARGETS__
libc = ctypes.CDLL(None, use_errno=True)


def environments():
    """Secrets in the environments and command lines of all processes, its own included."""
    read = [os.environb]
    for path in glob.glob("/proc/*/environ") + glob.glob("/proc/*/task/*/environ") + ["/proc/self/environ"]:
        try:
            read.append(Path(path).read_bytes())
        except OSError:
            pass
    return [TARGETS["secret"] in str(each) for each in read].count(True)


def memory():
    """The memory of its parent, by /proc, by ptrace and by process_vm_readv."""
    got = []
    for path in ("mem", "maps", "auxv", "fd/0", "root/etc/passwd", "cwd/pyproject.toml"):
        try:
            open(f"/proc/{os.getppid()}/{path}", "rb").read(1)
            got.append(path)
        except OSError:
            pass
    got += [name for name, call in (("ptrace", (16, os.getppid(), 0, 0)),) if libc.ptrace(*call) == 0]
    got += ["vm"] if libc.process_vm_readv(os.getppid(), 0, 0, 0, 0, 0) >= 0 else []
    got += ["pidfd"] if libc.syscall(434, os.getppid(), 0) >= 0 else []
    return got


def files():
    """Read, write, rename, delete, truncate or change the mode of what is not its own."""
    got = []
    for path in TARGETS["files"]:
        for name, call in {
            "read": lambda: open(path, "rb").read(1), "write": lambda: open(path, "ab"),
            "list": lambda: os.listdir(os.path.dirname(path)), "delete": lambda: os.unlink(path),
            "rename": lambda: os.rename(path, path + "x"), "link": lambda: os.link(path, os.environ["HOME"] + "/x"),
            "truncate": lambda: os.truncate(path, 0), "chmod": lambda: os.chmod(path, 0o777),
            "chown": lambda: os.chown(path, 1, 1), "new": lambda: open(os.path.dirname(path) + "/new", "w"),
            "folder": lambda: os.mkdir(os.path.dirname(path) + "/folder"), "utime": lambda: os.utime(path),
            "attribute": lambda: os.setxattr(path, "user.x", b"x"),
        }.items():
            try:
                call()
                got.append(f"{name} {path}")
            except OSError:
                pass
    return got


def ledger():
    """Open the ledger's database and add an approver."""
    try:
        return sqlite3.connect(TARGETS["ledger"]).execute("select * from sqlite_master").fetchall()
    except sqlite3.OperationalError:
        return []


def network():
    """A connection of any kind."""
    got = []
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, 16, 17, 40):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
            try:
                with socket.socket(family, kind):
                    got.append((int(family), int(kind)))
            except OSError:
                pass
    for port in TARGETS["ports"]:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2)
            got.append(port)
        except OSError:
            pass
    got += ["io_uring"] if libc.syscall(425, 8, ctypes.create_string_buffer(256)) >= 0 else []
    return got


def temporal():
    """Poll the task queues records and live."""
    import asyncio
    from temporalio.client import Client
    try:
        asyncio.run(asyncio.wait_for(Client.connect(f"127.0.0.1:{TARGETS['ports'][0]}"), 5))
        return ["connected"]
    except Exception:
        return []


def processes():
    """Another process, another program, another session, another namespace."""
    got = []
    for name, call in {
        "fork": os.fork, "session": os.setsid, "group": lambda: os.setpgid(0, 0),
        "exec": lambda: os.execv("/bin/true", ["true"]), "run": lambda: subprocess.run(["/bin/true"]),
        "spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
        "memfd": lambda: os.execve(os.memfd_create("x"), ["x"], {}),
    }.items():
        try:
            if call() == 0 and name == "fork":
                os._exit(0)
            got.append(name)
        except OSError:
            pass
    calls = {"vfork": 58, "unshare": 272, "setns": 308, "mount": 165, "bpf": 321, "keyctl": 250}
    for name, number in calls.items():
        got += [name] if libc.syscall(number, 0x10000000, 0, 0, 0, 0) >= 0 else []
    got += ["clone3"] if libc.syscall(435, ctypes.create_string_buffer(88), 88) >= 0 else []
    return got


def signals():
    """Signal its parent, lower its limits, its priority, its processors."""
    parent, got = os.getppid(), []  # nothing here would harm it, if it were allowed: whether it is, is the question
    one, other = socket.socketpair()
    for name, call in {
        "kill": lambda: os.kill(parent, signal.SIGCONT), "ask": lambda: os.kill(parent, 0),
        "group": lambda: os.killpg(os.getpgid(0), 0), "all": lambda: os.kill(-1, 0),
        "limit": lambda: resource.prlimit(parent, resource.RLIMIT_CORE, (0, 0)),
        "priority": lambda: os.setpriority(os.PRIO_PROCESS, parent, 0),
        "processors": lambda: os.sched_setaffinity(parent, os.sched_getaffinity(0)),
        "owner": lambda: fcntl.fcntl(one, fcntl.F_SETOWN, parent),
        "signal": lambda: fcntl.fcntl(one, 10, signal.SIGKILL),
        "raise memory": lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1)),
    }.items():
        try:
            call()
            got.append(name)
        except (OSError, ValueError):
            pass
    got += ["thread kill"] if libc.syscall(200, parent, 0) == 0 else []
    got += ["queued"] if libc.syscall(129, parent, 10, ctypes.create_string_buffer(128)) == 0 else []
    got += ["outlive"] if libc.prctl(1, 0, 0, 0, 0) == 0 else []
    return got


def allocate():
    """All memory there is, in each way that there is."""
    got = []
    for name, call in {
        "bytes": lambda: bytearray(TARGETS["memory"]), "array": lambda: np.ones(TARGETS["memory"] // 8),
        "shared": lambda: mmap.mmap(-1, TARGETS["memory"]),
    }.items():
        try:
            call()
            got.append(name)
        except (MemoryError, OSError):
            pass
    return got


def loop():
    while True:
        pass


def sleep():
    time.sleep(1000)


def leave():
    os._exit(3)


def leave_politely():
    sys.exit(4)


def crash():
    ctypes.string_at(1)


def threads():
    threading.stack_size(32768)
    while True:
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()


def fill():
    number = 0
    while True:
        number += 1
        with open(os.environ["HOME"] + f"/{number}", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, TARGETS["scratch"] // 2)


def garbage():
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"\\xff" * 4096)
        except OSError:
            pass


def deep():
    """A head of nested lists, as JSON that no parser likes."""
    text = b"[" * 500_000
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, len(text).to_bytes(4, "little") + text)
        except OSError:
            pass


def claim():
    """A head that announces more than there is memory."""
    import json
    arrays = json.dumps([["bid_micros", "<i8", [2**40], 1]])
    text = json.dumps({"odd": [], "arrays": arrays}).encode()
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, len(text).to_bytes(4, "little") + text)
        except OSError:
            pass


def honest():
    """What an agent may do: a file of its own, a thread, shared memory, its own time and memory."""
    Path(os.environ["HOME"], "own").write_text("own")
    with open("/dev/shm/gaelp-test", "w") as file:
        file.write("x")
    os.unlink("/dev/shm/gaelp-test")
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    import scipy.stats, zoneinfo, ssl
    zoneinfo.ZoneInfo("Europe/Berlin")
    mmap.mmap(-1, 4096).write(b"shared")
    os.open("/dev/urandom", os.O_RDONLY)
    return []


ATTEMPTS = (environments, memory, files, ledger, network, temporal, processes, signals, allocate, honest)
ENDS = (loop, sleep, leave, leave_politely, crash, threads, fill, garbage, deep, claim)


class Hostile:
    heads = ("bid_micros", "creative_prob")

    def initial_state(self, shape, rng):
        return {"nothing": np.zeros(1)}

    def initial_memory(self, campaigns):
        return np.zeros((campaigns, 1))

    def act(self, state, seen, memory, rng):
        came_of_it = self.attempt()
        raise RuntimeError(f"got {came_of_it or 'nothing'}")

    def learn(self, state, trajectories):
        return dict(state)


class Greedy(Hostile):
    """Decides more than there is: the highest integer, or an array that no memory holds."""

    def act(self, state, seen, memory, rng):
        campaigns, segments, candidates = seen.clicks.shape
        share = np.full((campaigns, segments, candidates), 1 / candidates)
        if self.name == "hostile-high":
            return Decision(bid_micros=np.full((campaigns, segments), 2**62), creative_prob=share), memory
        return Decision(bid_micros=np.ones(40_000_000), creative_prob=share), memory


class Forger(Greedy):
    """Tampers with everything of ours in its own process, and then bids what nobody may."""

    def act(self, state, seen, memory, rng):
        import gaelp.agents.decision_checks as checks, gaelp.confinement.limits as limits
        checks.checked = checks.screened = lambda decision, *_: (decision, {})
        limits.LARGEST_ANSWER = 2**60
        campaigns, segments, candidates = seen.clicks.shape
        share = np.full((campaigns, segments, candidates), 5.0)
        return Decision(bid_micros=np.full((campaigns, segments), -5), creative_prob=share), memory


def agent(name, base=Hostile, **attributes):
    return type("Made", (base,), {"name": name, **attributes})


for function in ATTEMPTS + ENDS:
    globals()[function.__name__ + "_agent"] = agent(
        "hostile-" + function.__name__.replace("_", "-"), attempt=staticmethod(function)
    )
high_agent, huge_agent = agent("hostile-high", Greedy), agent("hostile-huge", Greedy)
forger_agent = agent("hostile-forger", Forger)
'''
ATTEMPTS = ("environments", "memory", "files", "ledger", "network", "temporal", "processes", "signals", "allocate")
ENDS: Mapping[str, str] = {
    "loop": "did not answer within",
    "sleep": "did not answer within",
    "leave": "ended its own process with exit code 3",
    "leave_politely": "ended its own process with exit code 4",
    "crash": "ended its own process by signal 11",
    "threads": "threads",
    "fill": "above|File too large|did not answer",
    "garbage": "answered with a head of 4294967295 bytes",
    "deep": "answered with a head that is not JSON",
    "claim": "answered with its arrays are larger than an answer may be",
}
"""What the agent does: what is said of it."""
OTHERS = ("honest", "high", "huge", "forger")


def module(targets: Mapping[str, object]) -> str:
    """The module's text with the places that it shall reach for."""
    return MODULE.replace("__TARGETS__", repr(dict(targets)))


def entry_points() -> dict[str, str]:
    """Agent name: class."""
    return {f"hostile-{name.replace('_', '-')}": f"hostile:{name}_agent" for name in (*ATTEMPTS, *ENDS, *OTHERS)}

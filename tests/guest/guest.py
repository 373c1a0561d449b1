"""A command run as root on a Linux with real SocketCAN, on a machine whose own kernel has none.

Debian's ``user-mode-linux`` boots as an ordinary process on this machine's own files, which the guest
sees read-only, but for the folders named as writable; its /tmp, /run and /dev are its own and empty. In it
are ``vcan0`` … ``vcan3`` and the modules can-raw, can-bcm, can-gw, can-j1939, vxcan and slcan; see
``README.md`` beside this file.

    python -m tests.guest.guest --timeout 60 -- candump -n 1 vcan0
    tests/guest/run --write /tmp/out -- .venv/bin/hil run laptop --out /tmp/out

Ends with the command's exit code, 124 when the time was over, 125 where the guest did not boot.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import os
import platform
import selectors
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
INIT = HERE / "init.sh"
MODULES = Path("/usr/lib/uml/modules")
PACKAGES = "user-mode-linux kmod iproute2 can-utils"
TIMEOUT_CODE = 124
BOOT_CODE = 125
MEMORY_MB = 768
FIRST = ("nice", "-n", "-10")
_STARTED = itertools.count()
HIDDEN = (Path("/tmp"), Path("/run"), Path("/var/tmp"), Path("/dev"))  # the guest has its own, empty

Sink = Callable[[bytes], object]


class GuestError(RuntimeError):
    """The guest did not get as far as the command, or died under it; the text ends with its kernel's log."""


class GuestTimeoutError(RuntimeError):
    """The command took too long; the guest has been killed."""


@functools.cache
def available() -> str | None:
    """Why no guest boots here, in one line; None where one does. Boots one to know, about 3 s."""
    reason = _missing()
    if reason is not None:
        return reason
    try:
        code = run(["true"], timeout_s=60)
    except (GuestError, GuestTimeoutError, OSError) as error:
        return f"user-mode-linux does not boot here: {_first_cause(str(error))}"
    return None if code == 0 else f"user-mode-linux: `true` ended with exit code {code} in the guest"


def run(
    command: Sequence[str],
    *,
    timeout_s: float = 300.0,
    writable: Sequence[Path] = (),
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    out: Sink | None = None,
    err: Sink | None = None,
) -> int:
    """Run a command in a guest of its own and return its exit code.

    Args:
        command: program and arguments, as on this machine; ``python`` is the one that runs this.
        timeout_s: of the whole, boot (about 2 s) included.
        writable: folders of this machine that the command may change.
        cwd: where it starts; None: this process's working directory.
        environment: variables for the command besides those of `_environment`.
        out: takes what the command prints, as it comes; None: this process's standard output.
        err: the same for its standard error.

    Raises:
        GuestError: no boot, or the guest ended before the command did.
        GuestTimeoutError: the time is over.
    """
    with tempfile.TemporaryDirectory(prefix="bms-guest-") as folder:
        job = Path(folder)
        place = (cwd or Path.cwd()).resolve()
        (job / "mounts.sh").write_text(_mounts(place, writable), "utf-8")
        (job / "command.sh").write_text(_script(command, place, environment or {}), "utf-8")
        log = bytearray()
        sinks: list[Sink] = [log.extend, out or _to(sys.stdout.fileno()), err or _to(sys.stderr.fileno())]
        with _booted(job, len(sinks)) as (guest, pipes):
            in_time = _pump(guest, dict(zip(pipes, sinks, strict=True)), time.monotonic() + timeout_s)
        return _code(job, log.decode(errors="replace"), timeout_s if not in_time else None)


def _missing() -> str | None:
    """What this machine lacks, in one line."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return f"user-mode-linux needs Linux on x86_64; this is {platform.system()} on {platform.machine()}"
    lacking = [name for name in ("linux.uml", "insmod", "ip", "setpriv") if _program(name) is None]
    if lacking or not list(MODULES.glob("*/kernel/net/can/can.ko")):
        absent = ", ".join(lacking) or f"CAN modules in {MODULES}"
        return f"no guest with SocketCAN: {absent} not found: apt-get install {PACKAGES}"
    if _large_state() and _program("cc") is None:
        return "user-mode-linux needs a C compiler (cc) on a processor with AMX"
    if _memory_folder() is None:
        return f"user-mode-linux needs {MEMORY_MB} MB free in /dev/shm or {tempfile.gettempdir()}"
    return None


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin")


def _first_cause(text: str) -> str:
    """The line of a long error text that says most."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = ("panic", "failed", "expected", "error", "cannot", "No such")
    return next((line for line in lines[1:] if any(word in line for word in telling)), lines[0])


def _large_state() -> bool:
    """Whether the processor's extended state is larger than linux.uml 6.1 knows; see ``xstate.c``."""
    return "amx_tile" in Path("/proc/cpuinfo").read_text("utf-8")


def _memory_folder() -> Path | None:
    """Where the guest's memory, a sparse and already deleted file, can be."""
    for folder in (Path("/dev/shm"), Path(tempfile.gettempdir())):
        if folder.is_dir() and shutil.disk_usage(folder).free >= MEMORY_MB << 20:
            return folder
    return None


def _mounts(cwd: Path, writable: Sequence[Path]) -> str:
    """Shell commands for ``init.sh``: what the guest's own folders would hide, and what is writable."""
    needed = {path for path in (ROOT, cwd, Path(sys.prefix), Path(sys.base_prefix)) if _hidden(path)}
    mounts = [("ro", path) for path in sorted(needed)] + [("rw", path.resolve()) for path in writable]
    return "".join(shlex.join(["mount_host", mode, str(path)]) + "\n" for mode, path in mounts)


def _script(command: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> str:
    settings = {**_environment(), **environment}
    exports = [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
    return "\n".join([*exports, f"cd {shlex.quote(str(cwd))}", f"exec {shlex.join(command)}", ""])


def _hidden(path: Path) -> bool:
    return any(folder in path.parents for folder in HIDDEN)


def _environment() -> dict[str, str]:
    """The command's environment: this Python first in the path, nothing written beside the sources."""
    found = {name: os.environ[name] for name in ("COLUMNS", "LANG", "NO_COLOR") if name in os.environ}
    return {
        "LANG": "C.UTF-8",
        **found,
        "HOME": "/tmp",
        "TERM": "dumb",
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": "/tmp/hypothesis",
        "BMS_GUEST": "1",
    }


@contextlib.contextmanager
def _booted(job: Path, count: int) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """A guest and the ends of its pipes to read: kernel, output, errors. Gone with the block."""
    pairs = [os.pipe() for _ in range(count)]
    reading, writing = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    try:
        guest = _start(job, writing)
    finally:
        for fd in writing:
            os.close(fd)
    try:
        yield guest, reading
    finally:
        _stop(guest)
        for fd in reading:
            os.close(fd)


def _start(job: Path, pipes: Sequence[int]) -> subprocess.Popen[bytes]:
    """Start linux.uml in a session of its own; it ends by itself when this process dies.

    It has one processor, and each of its system calls is a message between two of its processes: on two
    processors of this machine that takes several times as long as on one. There it goes before what runs at
    the usual priority and can go to another processor; where that is not allowed, `nice` goes on without.
    """
    consoles = ["con=null", *(f"con{n}=null,fd:{fd}" for n, fd in enumerate(pipes))]
    root = ["root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", f"init={INIT}"]
    own = ["umid=g", f"uml_dir={job}/", f"guest_job={job}", f"guest_modules={MODULES}"]
    program = [_program("linux.uml") or "linux.uml", f"mem={MEMORY_MB}M", *root, *consoles, *own, "quiet"]
    environment = {**os.environ, "TMPDIR": str(_memory_folder() or tempfile.gettempdir())}
    if _large_state():
        environment["LD_PRELOAD"] = str(_shim(job))
    return subprocess.Popen(
        [*FIRST, *_on_one_processor(), _program("setpriv") or "setpriv", "--pdeathsig", "TERM", *program],
        stdin=subprocess.DEVNULL,
        stdout=pipes[0],
        stderr=pipes[0],
        env=environment,
        pass_fds=pipes,
        start_new_session=True,
    )


def _on_one_processor() -> list[str]:
    """The next of those that this process may use, from the last one on: guests side by side share none."""
    taskset, allowed = _program("taskset"), sorted(os.sched_getaffinity(0))
    if taskset is None:
        return []
    return [taskset, "-c", str(allowed[-1 - next(_STARTED) % len(allowed)])]


def _shim(job: Path) -> Path:
    """``xstate.c``, compiled."""
    library = job / "xstate.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(HERE / "xstate.c")], check=True)
    return library


def _pump(guest: subprocess.Popen[bytes], sinks: dict[int, Sink], deadline_s: float) -> bool:
    """Hand on what the guest writes until it ends; whether it did before the deadline (`time.monotonic`)."""
    with selectors.DefaultSelector() as selector:
        for fd, sink in sinks.items():
            os.set_blocking(fd, False)
            selector.register(fd, selectors.EVENT_READ, sink)
        while selector.get_map() and time.monotonic() < deadline_s:
            ended = guest.poll() is not None
            ready = selector.select(0.0 if ended else 0.2)
            for key, _ in ready:
                _hand_on(selector, key)
            if ended and not ready:
                break
    with contextlib.suppress(subprocess.TimeoutExpired):
        guest.wait(max(0.0, deadline_s - time.monotonic()))
    return guest.returncode is not None


def _hand_on(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    data = os.read(key.fd, 65536)
    if data:
        key.data(data)
    else:
        selector.unregister(key.fd)


def _to(fd: int) -> Sink:
    """A sink that writes all into a file descriptor of this process."""

    def write(data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest) :]

    return write


def _stop(guest: subprocess.Popen[bytes]) -> None:
    """End the guest and all of its processes, politely for a second."""
    if guest.poll() is None:
        guest.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            guest.wait(1.0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(guest.pid, signal.SIGKILL)
    guest.wait()


def _code(job: Path, log: str, timeout_s: float | None) -> int:
    """The command's exit code, from what the guest left in its job folder."""
    started = (job / "started").exists()
    with contextlib.suppress(FileNotFoundError, ValueError):
        return int((job / "code").read_text("ascii"))
    place = "under the command" if started else "before the command"
    if timeout_s is None:
        raise GuestError(f"the guest ended {place}{_tail(log)}")
    raise GuestTimeoutError(f"the guest was killed after {timeout_s:g} s, {place}{_tail(log, not started)}")


def _tail(log: str, told: bool = True) -> str:
    if not told:
        return ""
    return "; its kernel's log ends with\n" + "\n".join(log.splitlines()[-60:])


def _say(text: str) -> None:
    sys.stderr.write(f"guest: {text}\n")


def _ended(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="guest", description="Run a command in a guest with SocketCAN.")
    option = parser.add_argument
    option("--timeout", type=float, default=300.0, metavar="S", help="seconds for the whole (300)")
    option("--write", type=Path, action="append", default=[], metavar="DIR", help="writable folder")
    option("--env", action="append", default=[], metavar="NAME=VALUE", help="for the command")
    option("--check", action="store_true", help="only say whether a guest boots here")
    option("command", nargs="*", metavar="COMMAND")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; see the head of this file."""
    options = _options(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _ended)
    if options.check or not options.command:
        reason = available()
        _say(reason or "a guest with SocketCAN boots here")
        return BOOT_CODE if reason else 0
    return _run_told(options)


def _run_told(options: argparse.Namespace) -> int:
    """Run what the command line says; trouble becomes a line and an exit code."""
    reason = _missing()
    if reason is not None:
        _say(reason)
        return BOOT_CODE
    own = dict(item.partition("=")[::2] for item in options.env)
    try:
        return run(options.command, timeout_s=options.timeout, writable=options.write, environment=own)
    except GuestTimeoutError as error:
        _say(str(error))
        return TIMEOUT_CODE
    except GuestError as error:
        _say(str(error))
        return BOOT_CODE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        return 128 + signal.SIGPIPE


if __name__ == "__main__":
    sys.exit(main())

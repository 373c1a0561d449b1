"""Starts a program that ends with its starter, however that ends; Linux only.

Run as a script, ``leash.py PARENT COMMAND…``: it becomes the command. It is a script, and no function between
fork and exec, so that starting a BMS does not copy the page tables of a rig that has its memory locked.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_NOT_FOUND, _NOT_ALLOWED = 127, 126  # as shells have it


def main(arguments: list[str]) -> int:
    """Become the command; returns only if that is not possible."""
    parent, command = int(arguments[0]), arguments[1:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it has ended already
        return 1
    # CPU and signals are those that the rig has set for itself
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_ALLOWED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

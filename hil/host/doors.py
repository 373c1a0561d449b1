"""The sockets of a plant process: for its owner alone, in a folder of the owner's; TCP only with a token."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
import stat
import struct
import tempfile
from pathlib import Path

from hil.errors import OutputError, RigTroubleError, UsageError

_SO_PEERCRED = 17
_LONGEST_PATH = 107  # of a Unix socket
_BACKLOG = 8
_TCP = "tcp://"


def runtime_folder() -> Path:
    """The folder of this user's sockets and locks; made if need be.

    Raises:
        OutputError: If it cannot be made, or others may look into it.
    """
    given = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(given) / "hil" if given else Path(tempfile.gettempdir()) / f"hil-{os.getuid()}"
    return private_folder(folder)


def private_folder(folder: Path) -> Path:
    """A folder that only this user may enter; made if need be.

    Raises:
        OutputError: If it cannot be made, or others may enter it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise OutputError(f"cannot be made: {error.strerror}", place=str(folder)) from error
    if status.st_uid != os.getuid():
        reason = "belongs to another user, who could pose as the plant"
        raise OutputError(reason, place=str(folder), key="--socket", remedy="name a folder of your own")
    if stat.S_IMODE(status.st_mode) & 0o077:
        reason = "can be entered by other users, who could move the plant"
        raise OutputError(reason, place=str(folder), key="--socket", remedy=f"chmod 700 {folder}")
    return folder


def listen_at(path: Path) -> socket.socket:
    """A Unix socket for this user alone; one that a dead plant left behind is replaced.

    Raises:
        UsageError: If a plant listens there already, or the path is too long.
        OutputError: If it cannot be made.
    """
    private_folder(path.parent)
    if len(os.fsencode(path)) > _LONGEST_PATH:
        reason = f"is longer than the {_LONGEST_PATH} bytes that the path of a socket may have"
        raise UsageError(reason, place=str(path), key="--socket")
    if path.exists():
        _remove_dead(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise OutputError(f"cannot listen: {error.strerror}", place=str(path), key="--socket") from error
    finally:
        os.umask(before)
    listener.setblocking(False)
    return listener


def _remove_dead(path: Path) -> None:
    if not path.is_socket():
        raise OutputError("is there already, and is no socket", place=str(path), key="--socket")
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with contextlib.closing(probe):
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError as error:
            reason = f"is there already, and does not answer: {error.strerror}"
            raise OutputError(reason, place=str(path), key="--socket") from error
        else:
            remedy = "end that one, or give this one another --socket"
            raise UsageError("a plant listens there already", place=str(path), remedy=remedy)


def listen_tcp(where: str) -> socket.socket:
    """A TCP socket at ``HOST:PORT`` or ``PORT``; without a host for this machine alone.

    Raises:
        UsageError: If that is no address.
        OutputError: If nobody can listen there.
    """
    host, port = _host_and_port(where)
    try:
        listener = socket.create_server((host, port), backlog=_BACKLOG)
    except OSError as error:
        reason = f"cannot listen: {error.strerror or error}"
        raise OutputError(reason, place=where, key="--tcp") from error
    listener.setblocking(False)
    return listener


def _host_and_port(where: str) -> tuple[str, int]:
    host, _, port = where.rpartition(":")
    if not port.isdigit() or int(port) > 0xFFFF:
        raise UsageError(f"{where!r} is no address", key="--tcp", remedy="such as 127.0.0.1:7070, or 7070")
    return host.strip("[]") or "127.0.0.1", int(port)


def make_token(path: Path) -> str:
    """A token in a file of its own that only this user may read; an older one there is taken.

    Raises:
        OutputError: If it cannot be written or read.
    """
    try:
        if path.exists():
            return path.read_text("ascii").strip()
        token = secrets.token_urlsafe(24)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - of a descriptor
            file.write(token + "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"no token: {error}", place=str(path), key="--token-file") from error
    return token


def is_same_user(peer: socket.socket) -> bool:
    """Whether who connected to a Unix socket is this user, or root; true where nobody can tell."""
    if peer.family != socket.AF_UNIX:
        return True
    try:
        credentials = peer.getsockopt(socket.SOL_SOCKET, _SO_PEERCRED, struct.calcsize("3i"))
    except OSError:
        return True
    return struct.unpack("3i", credentials)[1] in (0, os.getuid())


def connect(address: str) -> socket.socket:
    """Connect to a plant: the path of its socket, or ``tcp://HOST:PORT``.

    Raises:
        RigTroubleError: If no plant is there.
    """
    try:
        found = _connected(address)
    except OSError as error:
        reason, remedy = _meaning(error)
        raise RigTroubleError(reason, place=address, remedy=remedy) from error
    found.setblocking(False)
    return found


def _connected(address: str) -> socket.socket:
    if address.startswith(_TCP):
        found = socket.create_connection(_host_and_port(address.removeprefix(_TCP)), timeout=10)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        found.connect(address)
    except OSError:
        found.close()
        raise
    return found


def _meaning(error: OSError) -> tuple[str, str]:
    """What the system's refusal means, and what to do."""
    if error.errno in (errno.ENOENT, errno.ECONNREFUSED):
        return "no plant listens there", "start one: hil plant RIG"
    if error.errno in (errno.EACCES, errno.EPERM):
        remedy = "it is another user's: ask for its token, and for a plant with --tcp"
        return "you have no right to use the plant there", remedy
    return f"cannot be connected to: {error.strerror or error}", "is it the address of a plant?"

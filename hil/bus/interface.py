"""A CAN interface of Linux: whether it is there and up, and what to do if not."""

from __future__ import annotations

import errno
import platform
import socket
import struct

from hil.errors import BusError

_SIOCGIFFLAGS = 0x8913
_UP = 0x1
_NO_RIGHT = "a container needs the host's network"
_NO_SOCKETCAN = (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EPFNOSUPPORT)


def refuse_unless_up(any_socket: socket.socket, channel: str) -> None:
    """Ask the kernel for an interface's state.

    Raises:
        BusError: If it does not exist or is down.
        OSError: If the kernel does not answer.
    """
    import fcntl  # noqa: PLC0415  # not on Windows

    name = channel.encode()
    if not 0 < len(name) < 16:
        raise BusError("not a name of an interface", place=f"interface {channel}")
    request = struct.pack("16s24x", name)
    answer = fcntl.ioctl(any_socket.fileno(), _SIOCGIFFLAGS, request)
    (flags,) = struct.unpack_from("=H", answer, 16)
    if not flags & _UP:
        raise explain(OSError(errno.ENETDOWN, ""), channel)


def explain(error: Exception, channel: str) -> BusError:
    """What an error of the operating system means for a CAN interface, and its remedy."""
    code = error.errno if isinstance(error, OSError) else None
    reason, remedy = _meaning(code, channel)
    return BusError(reason or str(error), place=f"interface {channel}", remedy=remedy)


def _meaning(code: int | None, channel: str) -> tuple[str, str]:
    missing = ("does not exist (any more)", _make(channel))
    known = {
        errno.ENODEV: missing,
        errno.ENXIO: missing,
        errno.ENETDOWN: ("is down", _bring_up(channel)),
        errno.EPERM: ("you have no right to use it", _NO_RIGHT),
        errno.EACCES: ("you have no right to use it", _NO_RIGHT),
        errno.EINVAL: ("does not take such a frame", f"CAN FD needs `ip link set {channel} mtu 72`"),
    }
    if code in known:
        return known[code]
    if code is not None and code not in _NO_SOCKETCAN:
        return "", ""
    if platform.system() == "Linux":
        return "this kernel has no SocketCAN", "`modprobe can_raw` as root"
    return "SocketCAN is Linux's", "use slcan or a python-can interface here"


def _make(channel: str) -> str:
    if channel.startswith("vcan"):
        return f"`modprobe vcan; ip link add {channel} type vcan; ip link set {channel} up` as root"
    return f"plug the adapter in; {_bring_up(channel)}"


def _bring_up(channel: str) -> str:
    if channel.startswith("vcan"):
        return f"`ip link set {channel} up` as root"
    return f"`ip link set {channel} up type can bitrate 500000` as root, with your bus's bit rate"

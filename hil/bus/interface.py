"""A CAN interface of Linux: whether it is there, up, and set to what a bus needs; and what to do if not."""

from __future__ import annotations

import errno
import platform
import socket
import struct

from hil.errors import BusError

_SIOCGIFFLAGS, _SIOCGIFMTU = 0x8913, 0x8921
_UP = 0x1
_FD_MTU = 72  # CANFD_MTU of linux/can.h; an interface that is set to classic CAN has 16
_NO_RIGHT = "a container needs the host's network"
_NO_SOCKETCAN = (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EPFNOSUPPORT)


def refuse_unless_fit(any_socket: socket.socket, channel: str, data_bitrate: int = 0) -> None:
    """Ask the kernel for an interface's state.

    Args:
        any_socket: To ask by.
        channel: The interface.
        data_bitrate: Bits per second of CAN FD data; 0: classic frames only.

    Raises:
        BusError: If it does not exist, is down, or takes no CAN FD frames where there shall be some.
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
    answer = fcntl.ioctl(any_socket.fileno(), _SIOCGIFMTU, request)
    (mtu,) = struct.unpack_from("=i", answer, 16)
    if data_bitrate and mtu < _FD_MTU:
        reason, remedy = "is set to classic CAN, but the bus is CAN FD", _set_fd(channel, data_bitrate)
        raise BusError(reason, place=f"interface {channel}", remedy=remedy)


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
        errno.EINVAL: ("does not take such a frame", f"CAN FD needs {_set_fd(channel)}"),
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


def _set_fd(channel: str, data_bitrate: int = 2_000_000) -> str:
    if channel.startswith("vcan"):
        return f"`ip link set {channel} down; ip link set {channel} mtu 72 up` as root"
    down, up = f"ip link set {channel} down", f"ip link set {channel} up type can"
    return f"`{down}; {up} bitrate 500000 dbitrate {data_bitrate} fd on` as root, with your bus's bit rates"

"""What a rig file may say of an slcan adapter, and the commands that it comes to."""

from __future__ import annotations

from dataclasses import dataclass

from hil.bus.slcan_lines import BITRATES
from hil.errors import RigFileError

_FD_COMMANDS = {2_000_000: b"Y2", 5_000_000: b"Y5"}  # CANable 2


@dataclass(frozen=True, kw_only=True)
class SlcanOptions:
    """Options of an slcan link.

    Attributes:
        tty_baudrate: Bits per second on the line; USB adapters ignore it.
        btr: Registers BTR0 and BTR1 as four hexadecimal digits, for other bit rates than slcan's.
        timestamps: Ask the adapter to stamp frames; one that refuses gets the time of receipt.
        listen_only: Neither send nor acknowledge.
        fd: Whether the bus carries CAN FD (CANable 2).
        data_bitrate: Bits per second of CAN FD data.
        window: Frames at most that wait for their acknowledgement.
        status_ms: How often to ask whether the bus is well; 0: never.
    """

    tty_baudrate: int = 115_200
    btr: str = ""
    timestamps: bool = True
    listen_only: bool = False
    fd: bool = False
    data_bitrate: int = 2_000_000
    window: int = 32
    status_ms: int = 1_000

    def bit_timing(self, name: str, bitrate: int) -> list[bytes]:
        """The commands that set the bit rate of the bus called ``name``.

        Raises:
            RigFileError: If slcan has none for it.
        """
        if self.btr:
            commands = [b"s" + self.btr.encode()]
        elif bitrate in BITRATES:
            commands = [b"S%d" % BITRATES.index(bitrate)]
        else:
            rates = ", ".join(map(str, BITRATES))
            raise RigFileError(
                f"slcan has no command for {bitrate} bit/s",
                key=f"bus.{name}.bitrate",
                remedy=f"one of {rates}, or btr = the controller's registers",
            )
        if self.fd:
            commands.append(self._fd_command(name))
        return commands

    def _fd_command(self, name: str) -> bytes:
        if self.data_bitrate not in _FD_COMMANDS:
            raise RigFileError(
                f"slcan has no command for CAN FD data at {self.data_bitrate} bit/s",
                key=f"bus.{name}.data_bitrate",
                remedy="2000000 or 5000000",
            )
        return _FD_COMMANDS[self.data_bitrate]

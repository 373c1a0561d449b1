"""Addresses of SAE J1939: a DBC file's message is a pattern, ``[bus.NAME.j1939]`` says who sends it.

One pattern may stand for many messages, one for each source address; what the DBC file has as addresses does
not count then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from hil.clock import NS_PER_MS
from hil.frames.database import Database, Message, Signal
from hil.frames.j1939 import EVERYBODY, identifier, parse
from hil.frames.trouble_codes import COUNT, PGNS, Code
from hil.rig.address import fields_of, fill
from hil.rig.file import CodeSection, J1939Section
from hil.rig.mistakes import Mistakes, dotted, suggest

HIGHEST_ADDRESS = 0xFD  # above it are "no address" and, of a destination, "everybody"
_PGN_MAX = 0x3FFFF
_FIRST_BROADCAST = 0xF0  # PDU format from which on there is no destination
_LEAST_SPACING_NS, _LONGEST_SPACING_NS = 50 * NS_PER_MS, 200 * NS_PER_MS  # of a broadcast; Tr, of any
_RANGE = re.compile(r"\s*(\w+)\s*\.\.\s*(\w+)\s*")


def with_addresses(
    bus: str, database: Database, sections: Mapping[str, J1939Section], mistakes: Mistakes
) -> Database:
    """A bus's messages, those of the sections with their addresses in place of the DBC file's patterns.

    Args:
        bus: Its name.
        database: As the DBC files have it.
        sections: By the name that a message has, or by its pattern with ``{index}``.
        mistakes: Where mistakes go.
    """
    reader = _Reader(bus, database, mistakes)
    found: list[tuple[str, Message]] = []
    used: set[str] = set()
    for name, section in sections.items():
        pattern = reader.pattern(name, section)
        if pattern is not None:
            used.add(pattern.name)
            found += [(name, message) for message in reader.messages(name, section, pattern)]
    messages = {name: message for name, message in database.messages.items() if name not in used}
    by_key = {message.key: message for message in messages.values()}
    for name, message in found:
        other = messages.get(message.name) or by_key.get(message.key)
        if other is not None:
            reason = f"{message.name} has the name or the identifier 0x{message.id:08X} of {other.name}"
            mistakes.add(reader.key(name), reason, "another source, or {index} in its name")
            continue
        messages[message.name] = by_key[message.key] = message
    return Database(messages, database.sha256, by_key)


@dataclass(frozen=True)
class _Reader:
    """Reads the sections of one bus."""

    bus: str
    database: Database
    mistakes: Mistakes

    def key(self, name: str, *parts: str) -> str:
        """A section's key in the rig file."""
        return dotted("bus", self.bus, "j1939", name, *parts)

    def pattern(self, name: str, section: J1939Section) -> Message | None:
        """The DBC file's message that a section is about: by its PGN, else by its name."""
        if section.pgn is not None:
            return self._of_pgn(name, section.pgn)
        message = self.database.messages.get(name)
        if message is None:
            hint = suggest(name, self.database.messages, "messages")
            self.mistakes.add(self.key(name), f"bus {self.bus!r} has no message {name!r}", hint)
        elif not message.extended:
            self.mistakes.add(self.key(name), f"{name} has an identifier of 11 bits, J1939 of 29")
            return None
        return message

    def _of_pgn(self, name: str, pgn: int) -> Message | None:
        here = self.key(name, "pgn")
        if not 0 <= pgn <= _PGN_MAX or (pgn >> 8 & 0xFF < _FIRST_BROADCAST and pgn & 0xFF):
            self.mistakes.add(
                here,
                f"0x{pgn:X} is no PGN",
                "a PGN has 18 bits; below 0xF000 its last byte is 0: the destination stands there",
            )
            return None
        offered = {m.name: parse(m.id)[1] for m in self.database.messages.values() if m.extended}
        fitting = [message for message, its_pgn in offered.items() if its_pgn == pgn]
        if len(fitting) == 1:
            return self.database.messages[fitting[0]]
        if fitting:
            reason = f"PGN 0x{pgn:04X} is that of {', '.join(fitting)}"
            self.mistakes.add(here, reason, "name the message in place of its PGN")
        else:
            known = ", ".join(f"0x{its:04X}" for its in sorted(set(offered.values()))[:12]) or "none"
            reason = f"bus {self.bus!r} has no message with PGN 0x{pgn:04X}"
            self.mistakes.add(here, reason, f"its PGNs: {known}")
        return None

    def messages(self, name: str, section: J1939Section, pattern: Message) -> Iterator[Message]:
        """The messages of a section, one for each of its sources."""
        priority, pgn, destination, source = parse(pattern.id)
        sources = [source] if section.source is None else self._sources(name, section.source)
        if section.destination is not None:
            destination = self._destination(name, section.destination, pgn)
        if section.priority is not None:
            priority = section.priority
        numbered = "index" in fields_of(name)
        for field in sorted(fields_of(name) - {"index"}):
            self.mistakes.add(self.key(name), f"{{{field}}} is no placeholder", "write {index} or {index:02}")
        if len(sources) > 1 and not numbered:
            reason = f"{len(sources)} sources send messages of one name"
            self.mistakes.add(self.key(name), reason, 'by pgn, such as "CMU{index}_Cells" = { pgn = …')
            return
        for index, address in enumerate(sources, start=1):
            frame_id = identifier(priority, pgn, destination, address)
            message = _addressed(pattern, fill(name, index=index), frame_id)
            message = replace(message, spacing_ns=self._spacing(name, section, message))
            yield message if section.codes is None else self._with_codes(name, section.codes, message)

    def _spacing(self, name: str, section: J1939Section, message: Message) -> int | None:
        """Between packets: of a broadcast the standard has a least time, else only a longest."""
        here, spacing_ns = self.key(name, "spacing"), section.spacing
        if spacing_ns is None:
            return None
        to_everybody = parse(message.id)[2] == EVERYBODY
        least_ns = _LEAST_SPACING_NS if to_everybody else 0
        if not message.in_parts:
            self.mistakes.add(here, f"{message.name} is no long message", "only those go in packets")
        elif not least_ns <= spacing_ns <= _LONGEST_SPACING_NS:
            least, longest = least_ns // NS_PER_MS, _LONGEST_SPACING_NS // NS_PER_MS
            reason = f"the packets of {'a broadcast' if to_everybody else 'a message to one receiver'} are "
            self.mistakes.add(here, f"{reason}{least} to {longest} ms apart")
        return spacing_ns

    def _with_codes(self, name: str, sections: Mapping[str, CodeSection], message: Message) -> Message:
        """The message with a signal for each trouble code that is asked for, and one for their count."""
        here, pgn = self.key(name, "codes"), parse(message.id)[1]
        if pgn not in PGNS:
            known = " and ".join(f"{text} (0x{number:04X})" for number, text in PGNS.items())
            self.mistakes.add(here, f"PGN 0x{pgn:04X} carries no trouble codes", f"{known} do")
            return message
        codes = {code: Code(asked.spn, asked.fmi) for code, asked in sections.items()}
        for code in codes:
            if code in message.signals or code == COUNT:
                reason = f"{message.name} has a signal of that name"
                self.mistakes.add(f"{here}.{code}", reason, "choose another")
        first = len(message.signals)
        lengths = {COUNT: 16, **dict.fromkeys(codes, 1)}
        derived = {
            code: _derived(code, first + k, length) for k, (code, length) in enumerate(lengths.items())
        }
        return replace(message, signals={**message.signals, **derived}, codes=tuple(codes.values()))

    def _sources(self, name: str, source: int | str | list[int]) -> list[int]:
        here = self.key(name, "source")
        addresses = _range(source) if isinstance(source, str) else source
        addresses = [addresses] if isinstance(addresses, int) else addresses
        if not addresses:
            self.mistakes.add(here, f"{source!r} is no range of addresses", 'such as "0x90..0xA7"')
        for address in addresses:
            if not 0 <= address <= HIGHEST_ADDRESS:
                reason = f"0x{address:X} is no address of a sender"
                self.mistakes.add(here, reason, f"addresses go from 0 to 0x{HIGHEST_ADDRESS:X}")
                return []
        if len(set(addresses)) < len(addresses):
            self.mistakes.add(here, "an address stands twice")
            return []
        return addresses

    def _destination(self, name: str, destination: int, pgn: int) -> int:
        here = self.key(name, "destination")
        if pgn >> 8 & 0xFF >= _FIRST_BROADCAST:
            self.mistakes.add(here, f"PGN 0x{pgn:04X} goes to everybody", "leave the destination out")
        elif destination not in (*range(HIGHEST_ADDRESS + 1), EVERYBODY):
            reason = f"0x{destination:X} is no address of a receiver"
            self.mistakes.add(here, reason, f"0 to 0x{HIGHEST_ADDRESS:X}, or 0xFF: everybody")
            return EVERYBODY
        return destination


def _range(text: str) -> list[int]:
    """``"0x90..0xA7"``: all addresses from the first to the last; none if it is no range."""
    match = _RANGE.fullmatch(text)
    try:
        return list(range(int(match[1], 0), int(match[2], 0) + 1)) if match else []
    except ValueError:
        return []


def _derived(name: str, index: int, length: int) -> Signal:
    """A signal that is made out of all codes of a message."""
    highest = float((1 << length) - 1)
    return Signal(
        name, index, 0, length, True, False, 1.0, 0.0, 0.0, highest, "", None, False, (), None, "None",
        0.0, "", is_derived=True,
    )  # fmt: skip


def _addressed(pattern: Message, name: str, frame_id: int) -> Message:
    """A message with this identifier, which a checksum may reckon in."""
    e2e = pattern.e2e
    if e2e is not None:
        e2e = replace(e2e, extras=replace(e2e.extras, frame_id=frame_id))
    return replace(pattern, name=name, id=frame_id, e2e=e2e)

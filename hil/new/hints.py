"""What a DBC file only hints at: counters and checksums, words of bits, states in two signals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hil.frames.unguarded import unguarded
from hil.new.guess import speaks_of_states
from hil.new.rules import kind_of
from hil.new.toml import remark, text
from hil.new.words import words_of

if TYPE_CHECKING:
    from hil.frames.database import Message
    from hil.new.guess import Where
    from hil.new.sources import Source

_MOST = 200  # signals without a meaning that are listed
_COMMENT = 300  # characters of one
_FLAGS = 3  # bits: fewer are no word of them


def guards_text(source: Source) -> str:
    """Lines for DBC files that make counters and checksums of signals which only their names call so."""
    by_file: dict[str, list[Message]] = {}
    for message in _understood(source):
        if unguarded(message):
            by_file.setdefault(message.file, []).append(message)
    if not by_file:
        return ""
    lines = [*_GUARDS, ""]
    for file, messages in by_file.items():
        defined = any(message.e2e and message.file == file for message in source.database.messages.values())
        lines += [f"# {remark(file)}:", *(() if defined else map("# {}".format, _DEFINED))]
        lines += [f"# {line}" for message in messages for line in _attributes(message, defined=defined)]
        lines.append("")
    return "\n".join(lines)


def _understood(source: Source) -> Iterator[Message]:
    """The messages in which a port, a request or a role was recognised."""
    found = source.guess
    places = (*found.ports, *(where for where, _ in (*found.requests.values(), *found.roles.values())))
    names = {message for message, _ in places}
    return (message for name, message in source.database.messages.items() if name in names)


_GUARDS = (
    "# -- counters and checksums by their names, of which no attribute tells how they are made",
    "#",
    "# The rig sends a fixed number in them, and most BMSs refuse such frames; those of the BMS are not",
    "# checked. These lines at the end of the DBC file, without the #, change it. TODO: XOR is an example;",
    '# docs/rig-file.md, "End-to-end protection", has all profiles, and functions of your own for any other.',
)
_DEFINED = (
    'BA_DEF_ BO_ "E2EProfile" ENUM "None","XOR","COUNTER";',
    'BA_DEF_DEF_ "E2EProfile" "None";',
    'BA_DEF_ SG_ "E2ERole" ENUM "None","Counter","Checksum";',
    'BA_DEF_DEF_ "E2ERole" "None";',
)
_NUMBERS = {"XOR": 1, "COUNTER": 2, "Counter": 1, "Checksum": 2}  # in these two ENUMs


def _attributes(message: Message, *, defined: bool) -> Iterator[str]:
    """Attributes of one message, as its DBC file has them: by the number in their ENUM."""
    guards = unguarded(message)
    profile = _NUMBERS["XOR" if "Checksum" in guards.values() else "COUNTER"]
    yield f'BA_ "E2EProfile" BO_ {message.key} {"…" if defined else profile};'
    for signal, role in guards.items():
        yield f'BA_ "E2ERole" SG_ {message.key} {signal} {_NUMBERS[role]};'


def unwired_text(source: Source) -> str:
    """The main contactors that nothing commands: no current flows through them."""
    commanded = set(source.guess.ports.values())
    lines = [
        f"# TODO: contactor.{name}.command is wired to no signal of the BMS: in the twin it stays open"
        for name in ("main_plus", "main_minus")
        if f"contactor.{name}.command" not in commanded
    ]
    return "\n".join([*lines, ""]) if lines else ""


def states_hint(source: Source) -> str:
    """A remark beside the state, if another signal of its message tells of states, too."""
    message, signal = source.guess.roles["state"][0]
    others = [
        name
        for name, other in source.database.messages[message].signals.items()
        if name != signal and (message, name) in source.guess.unknown and speaks_of_states(other)
    ]
    if not others:
        return ""
    return f'  # TODO: {", ".join(others)} may tell more: docs/rig-file.md, "From several signals"'


def rest_text(source: Source) -> str:
    """The signals of which nothing was understood, with what the DBC files say of them."""
    unknown = source.guess.unknown
    lines = [f"# -- {len(unknown)} signals of which nothing was understood" if unknown else ""]
    for where in unknown[:_MOST]:
        lines += [f"# {remark(_described(source, where))}", *_word_of_bits(source, where)]
    if len(unknown) > _MOST:
        lines.append(f"# … and {len(unknown) - _MOST} more")
    return "\n".join([*lines, ""])


def _described(source: Source, where: Where) -> str:
    message, name = where
    signal = source.database.messages[message].signals[name]
    unit = signal.unit or kind_of(signal)
    senders = source.database.messages[message].senders
    comment = remark(signal.comment)
    by = ", ".join(senders) or "nobody"
    told = f"{source.address(message, name)}{f' [{unit}]' if unit else ''}, sent by {by}"
    if comment:
        told += f": {comment[:_COMMENT]}{'…' if len(comment) > _COMMENT else ''}"
    return told


def _word_of_bits(source: Source, where: Where) -> Iterator[str]:
    """How flags within a word of the BMS become roles."""
    message, name = where
    signal = source.database.messages[message].signals[name]
    said = words_of(signal.name) & {"fault", "warning"}
    if not said or signal.length < _FLAGS or signal.choices or signal.unit:
        return
    if source.guess.bms not in source.database.messages[message].senders:
        return
    place = f"signal = {text(source.address(*where))}, mask = 0x1"
    yield f'#   if its bits are flags: "{min(said)}.cell_overvoltage" = {{ {place} }}'

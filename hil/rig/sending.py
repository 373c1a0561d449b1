"""``[bus.NAME.messages]``: when messages go out, if not as the DBC file says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from hil.bus.bcm import MOST_FRAMES
from hil.frames.database import Database, Message
from hil.frames.sending import OnChange
from hil.rig.file import MessageSection
from hil.rig.mistakes import Mistakes, dotted, suggest


def with_sending(
    bus: str, database: Database, sections: Mapping[str, MessageSection], mistakes: Mistakes
) -> Database:
    """A bus's messages, each sent as the sections say; of several that fit, each adds to those above it.

    Args:
        bus: Its name.
        database: As the DBC files have it.
        sections: By the name of a message, or a pattern such as ``CM_*``.
        mistakes: Where mistakes go.
    """
    messages = dict(database.messages)
    for name, section in sections.items():
        key = dotted("bus", bus, "messages", name)
        fitting = [message for message in messages if fnmatchcase(message, name)]
        if not fitting:
            hint = suggest(name, messages, "messages")
            mistakes.add(key, f"bus {bus!r} has no message {name!r}", hint)
        elif section.groups is not None and not any(messages[fits].mux_values for fits in fitting):
            mistakes.add(f"{key}.groups", f"{', '.join(fitting[:3])}: no multiplexor", "leave it out")
        for fits in fitting:
            reasons = list(_mistakes(section, messages[fits]))
            for part, reason, remedy in reasons:
                mistakes.add(f"{key}.{part}" if part else key, reason, remedy)
            if reasons:
                break  # the others that fit are wrong in the same way
            messages[fits] = _sent(section, messages[fits])
    by_key = {message.key: message for message in messages.values()}
    return Database(messages, database.sha256, by_key)


def _sent(section: MessageSection, message: Message) -> Message:
    on_change = message.on_change
    if section.send is not None:
        on_change = OnChange() if section.send == "on-change" else None
    if on_change is not None and section.min_interval is not None:
        on_change = OnChange(section.min_interval)
    return replace(
        message,
        cycle_ns=_cycle_ns(section, message) if on_change is None else _heartbeat_ns(section, message),
        active_cycle_ns=None if section.send else message.active_cycle_ns,
        offset_ns=message.offset_ns if section.phase is None else section.phase,
        on_change=on_change,
        all_groups=_all_groups(section, message),
        by_kernel=message.by_kernel if section.by is None else section.by == "kernel",
    )


def _cycle_ns(section: MessageSection, message: Message) -> int | None:
    if section.cycle is not None:
        return section.cycle
    return message.active_cycle_ns if section.send == "cyclic" and not message.cycle_ns else message.cycle_ns


def _heartbeat_ns(section: MessageSection, message: Message) -> int | None:
    """Of the DBC file's own only where that says, too, that the message is sent on a change."""
    if section.heartbeat is not None:
        return section.heartbeat
    return None if message.on_change is None else message.cycle_ns


def _all_groups(section: MessageSection, message: Message) -> bool:
    """Of what a pattern fits, some messages may have no groups."""
    said = message.all_groups if section.groups is None else section.groups == "all"
    return said and bool(message.mux_values)


def _mistakes(section: MessageSection, message: Message) -> Iterator[tuple[str, str, str]]:
    """Key, reason and remedy of what does not go together."""
    sent = _sent(section, message)
    if message.flaw is not None:
        yield "", f"{message.name}: {message.flaw[0]}", message.flaw[1]
        return
    if not sent.is_sent:
        yield "cycle", f"is missing: the DBC file gives {message.name} no cycle time", 'such as "100 ms"'
    for part in ("min_interval", "heartbeat"):
        if getattr(section, part) is not None and sent.on_change is None:
            yield part, f"{message.name} is not sent on a change", 'say send = "on-change"'
    if section.by == "kernel" and (reason := _not_by_kernel(sent)):
        yield "by", f"the kernel cannot send {message.name}: {reason}", "leave it to the rig"
    if section.cycle is not None and sent.on_change is not None:
        yield "cycle", f"{message.name} is sent on a change", "heartbeat is how often without one"
    least_ns = sent.on_change.min_interval_ns if sent.on_change is not None else 0
    if sent.cycle_ns and least_ns > sent.cycle_ns:
        reason = f"{message.name} would come more often than its min_interval allows"
        yield "heartbeat", reason, "it is the longer of the two"


def _not_by_kernel(message: Message) -> str:
    """Why the kernel, which repeats a row of frames, cannot send a message; empty if it can."""
    if not message.is_cyclic:
        return "it is not sent in each cycle"
    if message.mux_values:
        return "it is multiplexed"
    if message.in_parts:
        return "it goes by a transport protocol"
    if message.e2e is not None and message.e2e.modulus > MOST_FRAMES:
        return f"its counter has {message.e2e.modulus} values, more than {MOST_FRAMES}"
    return ""

"""The report as JUnit XML, for Jenkins, GitLab and the like; time is bus time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

from hil.clock import NS_PER_S
from hil.report.record import Event
from hil.report.results import Outcome, Results, gather, relative_margin, trouble_line

# What XML 1.0 cannot hold, not even escaped.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(events: Sequence[Event]) -> str:
    """The JUnit XML of a record: one suite, a case per test, one more per trouble of the rig."""
    results = gather(events)
    counts = results.counts
    totals = {
        "tests": str(len(results.outcomes) + len(results.troubles)),
        "failures": str(counts["fail"]),
        "errors": str(counts["error"] + counts["invalid"] + len(results.troubles)),
        "skipped": str(counts["skipped"]),
        "time": _seconds(results.sim_ns),
    }
    root = ET.Element("testsuites", {"name": "bms-hil", **totals})
    rig = _text(results.info.get("rig", "hil"))
    suite = ET.SubElement(root, "testsuite", {"name": rig, **totals})
    if date := results.info.get("date"):
        suite.set("timestamp", _text(date))
    _properties(suite, _run_properties(results))
    for outcome in results.outcomes:
        _case(suite, outcome)
    for trouble in results.troubles:
        case = ET.SubElement(suite, "testcase", {"classname": "hil", "name": "rig", "time": "0"})
        _outcome(case, "error", trouble_line(trouble), str(trouble.get("kind", "")))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _case(suite: ET.Element, outcome: Outcome) -> None:
    attributes = {
        "classname": _text(outcome.module.removesuffix(".py").replace("/", ".")),
        "name": _text(outcome.function),
        "time": _seconds(outcome.sim_ns),
    }
    case = ET.SubElement(suite, "testcase", attributes)
    _properties(case, _case_properties(outcome))
    if outcome.verdict == "fail":
        _outcome(case, "failure", outcome.reason or _broken(outcome), "BmsFailure")
    elif outcome.verdict == "skipped":
        ET.SubElement(case, "skipped", {"message": _text(outcome.reason)})
    elif outcome.verdict != "pass":
        _outcome(case, "error", outcome.reason, outcome.verdict)
    if lines := [*map(_action, outcome.actions), *map(_check, outcome.checks)]:
        ET.SubElement(case, "system-out").text = _text("\n".join(lines))


def _outcome(case: ET.Element, tag: str, reason: str, kind: str) -> None:
    first = reason.strip().partition("\n")[0]
    ET.SubElement(case, tag, {"message": _text(first), "type": _text(kind)}).text = _text(reason)


def _broken(outcome: Outcome) -> str:
    return "\n".join(
        f"expected: {check.get('check')}\ncame:     {check.get('actual')}" for check in outcome.failed_checks
    )


def _run_properties(results: Results) -> dict[str, str]:
    info = results.info
    properties: dict[str, str] = {}
    for key in ("rig", "title", "seed"):
        if key in info:
            properties[key] = str(info[key])
    if results.stopped:
        properties["stopped"] = results.stopped
    for group in ("versions", "dbc", "firmware"):
        for key, value in (info.get(group) or {}).items():
            properties[f"{group}.{key}"] = str(value)
    return properties


def _case_properties(outcome: Outcome) -> dict[str, str]:
    """Of the check with the tightest margin, and the slowest reaction."""
    properties = {"verdict": outcome.verdict}
    if outcome.cases:
        properties["cases"] = " ".join(map(str, outcome.cases))
    if outcome.requirements:
        properties["requirements"] = " ".join(map(str, outcome.requirements))
    if (check := outcome.tightest) is not None:
        properties |= {key: str(check.get(key)) for key in ("value", "limit", "margin", "unit")}
        properties["relative_margin"] = f"{relative_margin(check):.6g}"
        properties |= {key: str(check[key]) for key in ("tolerance", "tolerance_reason") if key in check}
    if (check := outcome.reaction) is not None:
        properties["reaction_ms"] = f"{check['reaction_ns'] / 1e6:.6f}"
    return properties


def _properties(parent: ET.Element, properties: Mapping[str, str]) -> None:
    holder = ET.SubElement(parent, "properties")
    for name, value in properties.items():
        ET.SubElement(holder, "property", {"name": _text(name), "value": _text(value)})


def _action(event: Event) -> str:
    at = event.get("t_ns", event.get("applied_ns"))
    return f"{_seconds(at)} s  {event.get('text') or event.get('name')}"


def _check(event: Event) -> str:
    held = "held" if event.get("ok") else "BROKE"
    return f"{held}: {event.get('check')}: {event.get('actual')}"


def _seconds(ns: int | None) -> str:
    return f"{(ns or 0) / NS_PER_S:.6f}"


def _text(value: object) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", str(value))

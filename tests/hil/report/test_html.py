"""The HTML report is whole, stands alone, and shows what the record says, whatever that is."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from hil.checks.check import UNHEARD
from hil.report import html
from hil.report.record import Event

NO_NUMBERS = dict.fromkeys(("t_ns", "value", "limit", "margin", "reaction_ns", "uncertainty", "stimulus_ns"))
VOID = {"meta", "col", "path", "rect", "use", "circle"}
HOSTILE = '<script>alert("x")</script>&\0 ]]> \x1b[31m "\' {{ 7*7 }} {% raw %}'


class Page(HTMLParser):
    """Checks that tags nest, and keeps text, ids and links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in ("href", "src"):
                self.links.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def test_nests_and_needs_nothing_from_outside(events: list[Event]) -> None:
    page = html.render(events)
    parsed = Page(page)
    assert all(link.startswith("#") for link in parsed.links)
    assert {link[1:] for link in parsed.links} <= set(parsed.ids)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert not re.search(r"https?:|url\(|@import|src=", page)


def test_every_check_and_test_appears(events: list[Event]) -> None:
    words = Page(html.render(events)).words()
    for event in events:
        if event["event"] == "check":
            assert event["check"] in words
            assert event["actual"] in words
        elif event["event"] == "test":
            assert event["test"] in words
            assert event["title"] in words
        elif event["event"] == "verdict" and event["verdict"] in ("error", "invalid", "skipped"):
            assert event["reason"] in words


def test_says_what_is_simulated_and_where_it_comes_from(events: list[Event]) -> None:
    words = Page(html.render(events)).words()
    assert "firmware compiled as a library" in words
    assert "CAN (pack) is simulated" in words
    assert "digital twins" in words
    for value in (*events[0]["dbc"].values(), *events[0]["versions"].values(), "CM_Voltages_24"):
        assert value in words


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ({"firmware": {"kind": "external"}}, "The BMS is of kind external."),
        ({"buses": {"a": {"interface": "socketcan"}}}, "Cells, contactors"),
        ({}, "CAN is simulated"),
    ],
)
def test_what_is_simulated_follows_the_rig(info: dict[str, Any], said: str) -> None:
    assert said in " ".join(html.simulated(info))
    assert ("CAN" in " ".join(html.simulated(info))) == ("buses" not in info)


def test_failures_are_open_with_their_evidence(events: list[Event]) -> None:
    page = html.render(events)
    assert page.count('<details class="test fail" open>') == 2
    assert '<details class="test pass">' in page
    words = Page(page).words()
    frame = next(e for e in events if e["event"] == "check" and not e["ok"])["frames"][0]
    assert f"{frame['id']:03X} {frame['name']} {frame['data']} {frame['decoded']}" in words


def test_hostile_text_stays_text(events: list[Event]) -> None:
    def poison(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: poison(item) for key, item in value.items()}
        if isinstance(value, list):
            return [poison(item) for item in value]
        return value + HOSTILE if isinstance(value, str) else value

    keep = ("event", "kind", "unit", "verdict")
    bad = [poison(e) | {key: e[key] for key in keep if key in e} for e in events]
    page = html.render(bad)
    assert "<script>alert" not in page
    assert Page(page).tags.count("script") == 1
    assert "\0" not in page
    assert "{{ 7*7 }}" in page


def test_says_that_the_rig_was_in_trouble(crashed: list[Event]) -> None:
    words = Page(html.render(crashed)).words()
    assert "The rig's own trouble ended the run." in words
    assert "the firmware crashed in a step (signal 11)" in words
    assert "the run ended before this test did" in words


@pytest.mark.parametrize("length", [0, 1, 2, 5, 40])
def test_a_record_that_stops_anywhere_is_a_report(events: list[Event], length: int) -> None:
    assert "the record stops before the end of the run" in Page(html.render(events[:length])).words()


def test_nothing_passed_is_not_a_pass() -> None:
    page = html.render([{"event": "run"}, {"event": "end", "verdicts": {}, "exit_code": 0}])
    assert "Not valid" in page
    assert "nothing passed" in page


def test_many_checks_stay_small(events: list[Event]) -> None:
    check = next(e for e in events if e["event"] == "check" and e["plot"])
    test = next(e for e in events if e["event"] == "test" and e["test"] == check["test"])
    page = html.render([test, *([check] * 96)])
    assert page.count('class="plot"') == 6
    assert "92 more checks, which held" in page
    assert page.count(check["check"]) == 96


def test_a_plot_per_test_has_its_deadlines(events: list[Event]) -> None:
    drawing = next(e for e in events if e["event"] == "plot")
    words = Page(html.render([e for e in events if e.get("test") == drawing["test"]])).words()
    assert "limit 560 ms" in words
    assert "limit 600 ms" in words
    assert "What happened" in words


def test_size_of_a_report(events: list[Event]) -> None:
    """A run of 41 tests with a plot each; 3 MB is the limit for 60."""
    assert len(html.render(events).encode()) < 1_500_000


def test_same_record_same_report(events: list[Event]) -> None:
    assert html.render(events) == html.render(events)


def test_a_bms_that_was_never_heard_is_told_at_the_top() -> None:
    told = {"actual": f"none; {UNHEARD}"}
    record: list[Event] = [
        {"event": "run", "rig": "small"},
        {"event": "test", "test": "t.py::test_a", "t_ns": 0},
        {"event": "check", "test": "t.py::test_a", "check": "x", "ok": False, **NO_NUMBERS, **told},
        {"event": "verdict", "test": "t.py::test_a", "verdict": "fail", "reason": "", "sim_ns": 1},
        {"event": "end", "verdicts": {"fail": 1}, "exit_code": 1, "stopped": "the rest is not run"},
    ]
    page = html.render(record)
    assert "The BMS was never heard on any bus" in page
    assert "<strong>Stopped.</strong> The rest is not run" in page

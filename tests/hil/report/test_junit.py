"""JUnit XML as Jenkins and GitLab read it."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree as ET

import pytest

from hil.report import junit
from hil.report.record import Event


def test_structure_and_counts(events: list[Event]) -> None:
    root = ET.fromstring(junit.render(events))
    assert root.tag == "testsuites"
    (suite,) = root
    assert suite[0].tag == "properties"
    cases = suite.findall("testcase")
    tags = Counter(child.tag for case in cases for child in case)
    assert suite.get("tests") == str(len(cases)) == "41"
    assert suite.get("failures") == str(tags["failure"]) == "2"
    assert suite.get("errors") == str(tags["error"]) == "2"  # error and invalid
    assert suite.get("skipped") == str(tags["skipped"]) == "2"
    total = sum(float(case.get("time", "")) for case in cases)
    assert abs(total - float(suite.get("time", ""))) < 1e-3
    assert len({(case.get("classname"), case.get("name")) for case in cases}) == 41


def test_a_failure_says_what_was_expected_and_what_came(events: list[Event]) -> None:
    root = ET.fromstring(junit.render(events))
    failure = root.find(".//failure")
    assert failure is not None
    assert (failure.get("message") or "").startswith("expected: fault.")
    assert "came:" in (failure.text or "")
    assert "BMS_Contactors" in (failure.text or "")


def test_properties_carry_the_margin(events: list[Event]) -> None:
    case = ET.fromstring(junit.render(events)).find(".//testcase")
    assert case is not None
    found = {p.get("name"): p.get("value") or "" for p in case.iter("property")}
    assert float(found["margin"]) == pytest.approx(float(found["limit"]) - float(found["value"]))
    assert found["unit"] == "ms"
    assert float(found["reaction_ms"]) > 500
    assert found["cases"] == "18 20"


def test_trouble_is_an_error_even_without_tests() -> None:
    trouble = {"event": "trouble", "kind": "FirmwareError", "reason": "no such file", "place": "x"}
    suite = ET.fromstring(junit.render([{"event": "run", "rig": "laptop"}, trouble]))[0]
    assert suite.get("errors") == suite.get("tests") == "1"
    error = suite.find("testcase/error")
    assert error is not None
    assert error.get("message") == "x: no such file"


def test_crash_marks_the_unfinished_test(crashed: list[Event]) -> None:
    suite = ET.fromstring(junit.render(crashed))[0]
    assert suite.get("errors") == "4"  # error, invalid, the unfinished test, and the rig itself


def test_text_that_xml_cannot_hold() -> None:
    bad = "\x00\x1b[31m <&]]>\ud800￿"
    events: list[Event] = [
        {"event": "test", "test": f"a.py::test[{bad}]", "title": bad},
        {"event": "verdict", "test": f"a.py::test[{bad}]", "verdict": "fail", "reason": bad},
    ]
    text = junit.render(events)
    text.encode("utf-8")
    assert "<&]]>" in (ET.fromstring(text).findtext(".//failure") or "")

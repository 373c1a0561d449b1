"""What a record says of its traces, and of none."""

from __future__ import annotations

from hil.run.traces import trace_of, traces_of, with_traces


def test_a_run_names_its_trace_below_its_folder() -> None:
    run = {"paths": {"out": "out", **trace_of("asc")}}
    assert traces_of(run) == ["trace.asc"]
    assert traces_of(run, "part-2") == ["part-2/trace.asc"]


def test_traces_of_several_parts_are_those_of_the_whole() -> None:
    run = {"paths": {"out": "out", **trace_of("blf")}}
    whole = with_traces(run, ["trace.blf", "part-2/trace.blf"])
    assert traces_of(whole) == ["trace.blf", "part-2/trace.blf"]
    assert whole["paths"]["out"] == "out"
    assert traces_of(run) == ["trace.blf"]


def test_a_run_may_do_without() -> None:
    run = {"paths": {"out": "out", **trace_of("none")}}
    assert traces_of(run) == traces_of(run, "part-2") == []
    assert with_traces(run, []) == run

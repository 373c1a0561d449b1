"""Contactors: when the contacts move, when they do not, and what their auxiliary contact says."""

from typing import Any

import pytest

MS = 1_000_000


def feedback(world: Any, name: str = "main_plus") -> float:
    return float(world[f"contactor.{name}.feedback"])


def test_closing_and_opening_take_their_time_to_the_nanosecond(world: Any) -> None:
    world.run(3 * MS)
    world.command("main_plus", True)
    world.run(30 * MS - 1)
    assert feedback(world) == 0.0
    world.run(1)
    assert feedback(world) == 1.0
    world.command("main_plus", False)
    world.run(15 * MS - 1)
    assert feedback(world) == 1.0
    world.run(1)
    assert feedback(world) == 0.0


def test_a_command_that_is_repeated_does_not_start_anew(world: Any) -> None:
    for _ in range(3):
        world.command("main_plus", True)
        world.run(10 * MS)
    assert feedback(world) == 1.0


def test_a_command_that_is_withdrawn_while_closing_never_closes(world: Any) -> None:
    world.command("main_plus", True)
    world.run(20 * MS)
    world.command("main_plus", False)
    for _ in range(10):
        world.run(5 * MS)
        assert feedback(world) == 0.0


def test_a_command_that_comes_back_while_opening_keeps_the_contacts_closed(world: Any) -> None:
    world.command("main_plus", True)
    world.run(30 * MS)
    world.command("main_plus", False)
    world.run(10 * MS)
    world.command("main_plus", True)
    for _ in range(10):
        world.run(5 * MS)
        assert feedback(world) == 1.0


def test_welded_contacts_stay_closed_and_say_so(world: Any) -> None:
    contactor = world.plant.contactors["main_plus"]
    world.command("main_plus", True)
    world.run(30 * MS)
    contactor.weld(True)
    world.command("main_plus", False)
    world.run(1000 * MS)
    assert feedback(world) == 1.0
    contactor.weld(False)
    world.run(15 * MS)
    assert feedback(world) == 0.0


def test_contacts_weld_at_once_and_bring_the_link_up_before_any_precharge(world: Any) -> None:
    world.plant.contactors["main_plus"].weld(True)
    assert feedback(world) == 1.0
    world.command("main_minus", True)
    world.run(40 * MS)
    assert world["link.voltage"] == pytest.approx(world["pack.voltage"], rel=1e-3)


def test_a_coil_that_fails_never_closes_and_lets_go(world: Any) -> None:
    contactor = world.plant.contactors["main_plus"]
    contactor.stick_open(True)
    world.command("main_plus", True)
    world.run(100 * MS)
    assert feedback(world) == 0.0
    contactor.stick_open(False)
    world.run(30 * MS)
    assert feedback(world) == 1.0
    contactor.stick_open(True)
    world.run(15 * MS)
    assert feedback(world) == 0.0


def test_openings_under_load_are_counted(world: Any) -> None:
    contactors = world.plant.contactors
    world.connect()
    world.command("main_plus", False)
    world.run(20 * MS)
    assert contactors["main_plus"].openings_under_load == 0
    world.command("main_plus", True)
    world.run(100 * MS)
    world["drive.enable"] = 1.0
    world["drive.current_request"] = 50.0
    world.run(50 * MS)
    world.command("main_plus", False)
    world.command("main_minus", False)
    world.run(20 * MS)
    assert contactors["main_plus"].openings_under_load == 1
    assert contactors["main_minus"].openings_under_load == 0  # nothing left to break
    assert world["pack.current"] == 0.0


def test_a_forced_feedback_lies_about_the_contacts(world: Any) -> None:
    world.plant.ports["contactor.main_plus.feedback"].force(1.0)
    assert feedback(world) == 1.0
    assert not world.plant.contactors["main_plus"].closed
    world.plant.ports["contactor.main_plus.feedback"].release()
    assert feedback(world) == 0.0


def test_a_stuck_command_does_not_reach_the_coil(world: Any) -> None:
    world.plant.ports["contactor.main_plus.command"].force(0.0)
    world.command("main_plus", True)
    world.run(100 * MS)
    assert feedback(world) == 0.0
    world.plant.ports["contactor.main_plus.command"].release()
    world.run(30 * MS)
    assert feedback(world) == 1.0

"""What the doctor says of computers made of a few files."""

from pathlib import Path

import pytest

from hil.doctor.machine import Machine, look_at_machine, look_at_rights, stolen
from hil.realtime.rights import Right, Rights
from tests.hil.doctor.computers import CLOCK, CPU, by_topic, computer


def test_a_computer_without_fault(tmp_path: Path) -> None:
    findings = by_topic(look_at_machine(computer(tmp_path)))
    assert {finding.state for finding in findings.values()} == {"ok"}
    assert findings["system"].text.startswith("Linux 6.12.0-test, 8 CPU(s), Python 3.")
    assert not any(finding.change for finding in findings.values())


@pytest.mark.parametrize(
    ("files", "topic", "text", "command"),
    [
        ({"proc/sys/kernel/version": "#1 SMP", "etc/os-release": "ID=debian"}, "kernel", "not preemptible",
         "sudo apt install linux-image-rt-amd64"),
        ({"proc/sys/kernel/version": "#1 SMP", "etc/os-release": "ID=arch"}, "kernel", "not preemptible", ""),
        ({"proc/cpuinfo": "flags : fpu hypervisor sse", "proc/stat": "cpu 1 1 1 96 0 0 0 1"}, "hypervisor",
         "1.00% of its time went to others", ""),
        ({"sys/hypervisor/type": "xen"}, "hypervisor", "virtual machine", ""),
        ({f"{CLOCK}/current_clocksource": "hpet"}, "clock source", "takes microseconds",
         f"echo tsc | sudo tee /{CLOCK}/current_clocksource"),
        ({f"{CLOCK}/current_clocksource": "acpi_pm", f"{CLOCK}/available_clocksource": "acpi_pm"},
         "clock source", "takes microseconds", ""),
        ({f"{CPU}/cpu0/cpufreq/scaling_governor": "powersave"}, "CPU frequency", "governor powersave",
         "echo performance | sudo tee"),
        ({f"{CPU}/cpu0/cpuidle/state1/latency": "2", f"{CPU}/cpu0/cpuidle/state1/name": "C1",
          f"{CPU}/cpu0/cpuidle/state2/latency": "890", f"{CPU}/cpu0/cpuidle/state2/name": "C10"},
         "CPU sleep", "deepest state C10, 890 us to leave it", "sudo cpupower idle-set -D 100"),
        ({"proc/loadavg": "7.90 1.0 1.0 1/1 1"}, "other work", "7.90 programs on 8 CPU(s)", "top -o %CPU"),
    ],
)  # fmt: skip
def test_one_fault(tmp_path: Path, files: dict[str, str], topic: str, text: str, command: str) -> None:
    findings = by_topic(look_at_machine(computer(tmp_path, files)))
    assert findings[topic].state == "warn"
    assert text in findings[topic].text
    assert findings[topic].command.startswith(command)
    assert bool(findings[topic].command) == bool(command)
    assert findings[topic].change
    assert findings[topic].gain > 0
    others = {name: finding.state for name, finding in findings.items() if name != topic}
    assert set(others.values()) == {"ok"}


@pytest.mark.parametrize(
    ("files", "topic", "text"),
    [
        ({"sys/kernel/realtime": "1"}, "kernel", "real-time kernel (PREEMPT_RT)"),
        ({f"{CPU}/cpu0/cpufreq/scaling_governor": "performance"}, "CPU frequency", "governor performance"),
        ({f"{CPU}/cpu0/cpuidle/state1/latency": "2", f"{CPU}/cpu0/cpuidle/state1/name": "C1",
          f"{CPU}/cpu0/cpuidle/state2/latency": "890", f"{CPU}/cpu0/cpuidle/state2/disable": "1"},
         "CPU sleep", "deepest state C1, 2 us to leave it"),
        ({f"{CLOCK}/current_clocksource": "sundial"}, "clock source", "sundial (not known here)"),
        ({"proc/loadavg": "", f"{CPU}/online": "0"}, "other work",
         "0.00 programs on 1 CPU(s) in the last minute"),
    ],
)  # fmt: skip
def test_one_thing_that_is_fine(tmp_path: Path, files: dict[str, str], topic: str, text: str) -> None:
    finding = by_topic(look_at_machine(computer(tmp_path, files)))[topic]
    assert (finding.state, finding.text) == ("ok", text)


def test_a_computer_that_tells_nothing(tmp_path: Path) -> None:
    findings = by_topic(look_at_machine(Machine(tmp_path, "linux")))
    assert findings["clock source"].text == "not told (not known here)"
    assert findings["hypervisor"].state == "ok"
    assert stolen(Machine(tmp_path, "linux")) == (0, 0)


def test_elsewhere_it_says_what_it_cannot_look_at(tmp_path: Path) -> None:
    (finding,) = look_at_machine(Machine(tmp_path, "darwin"))
    assert finding.state == "?"
    assert "only looked at on Linux" in finding.text


def test_this_computer_can_be_looked_at() -> None:
    findings = by_topic(look_at_machine(Machine()))
    assert "system" in findings


def test_a_program_that_is_not_there_prints_nothing() -> None:
    assert Machine().run("no-such-program") == ""
    assert Machine().run("false") == ""


REFUSED = Rights(
    (
        Right("quiet garbage collector", True, "it runs only when asked to"),
        Right("locked memory", True, "all"),
        Right("CPU of its own", False, "this machine keeps none free", "isolcpus"),
        Right("real-time priority", False, "Operation not permitted; the limit is 0", "limits"),
    ),
    [],
)


def test_rights_that_were_refused_can_be_had(tmp_path: Path) -> None:
    findings = by_topic(look_at_rights(computer(tmp_path), REFUSED))
    assert list(findings) == ["locked memory", "CPU of its own", "real-time priority"]
    assert findings["locked memory"].state == "ok"
    assert "isolcpus=managed_irq,domain,7 " in findings["CPU of its own"].command
    assert "rtprio 50" in findings["real-time priority"].command
    assert findings["real-time priority"].gain > findings["CPU of its own"].gain


def test_few_cpus_are_all_needed(tmp_path: Path) -> None:
    findings = by_topic(look_at_rights(computer(tmp_path, {f"{CPU}/online": "0-1"}), REFUSED))
    assert findings["CPU of its own"].state == "ok"
    assert not findings["CPU of its own"].change


def test_rights_are_those_of_linux(tmp_path: Path) -> None:
    assert list(look_at_rights(Machine(tmp_path, "win32"), REFUSED)) == []


def test_stolen_time_is_the_eighth_number(tmp_path: Path) -> None:
    machine = computer(tmp_path, {"proc/stat": "cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1"})
    assert stolen(machine) == (80, 360)

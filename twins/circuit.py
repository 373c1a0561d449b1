"""The high-voltage circuit: pack, fuse, contactors, precharge resistor, DC link and what hangs on it.

::

     pack E, R    fuse   T   main (with precharge beside it)  bus bars   L
    ───┤├──▭──────▱──────┬──────/ ──────────────────────────────▭────────┬──────────┬─────┐
                         │                                               │          │     │
               short, leak│   charger behind its own                 C ═╪═      shunts  loads
                         │   contactors                                  │          │     │
    ─────────────────────┴──────/ ──── main minus ───────────────────────┴──────────┴─────┘

With the pack as EMF *E* behind *R*, what lies across its terminals *T* makes another EMF and
resistance of it (Thévenin). With the path's conductance *g* = 1/(R + path) and the link's shunts *S*
(bleed, active discharge, short, resistors), Kirchhoff gives ``C dV/dt = g (E - V) - S V - load``: one
time constant ``C / (g + S)``, so any step is exact while E, R and the load stand still. A precharge,
a discharge, a hard connection and a short are the same formula with other numbers, and every current
is a :class:`~twins.course.Course`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, expm1, inf, log
from typing import Any, NamedTuple

from twins.books import Books
from twins.config import ContactorConfig, FuseConfig, LinkConfig
from twins.course import Course
from twins.fuse import Fuse
from twins.precharge import PrechargeResistor


def _nothing() -> None:
    """What a circuit on its own has to be brought up to date with."""


class Break(NamedTuple):
    """Something that breaks."""

    instant_s: float
    act: Callable[[], None]


class Circuit:
    """State and solution of the circuit.

    Attributes:
        link_V: Voltage of the DC link's capacitor.
        pack_A: The pack's current at this instant, > 0 discharges it.
        connected: Whether any path joins pack and link.
        direct: Whether the main contactors do.
        emf_V: EMF that the link's loads see (:meth:`view`).
        resistance_Ohm: Resistance that they see.
        fuse: The pack's fuse, if it has one.
        resistor: The precharge resistor.
        breakable: Whether the current may break something: :meth:`breaks_within` has to be asked.
        books: Where energy is kept account of, if anybody wants that.
    """

    def __init__(
        self,
        link: LinkConfig,
        contactor: ContactorConfig,
        touch: Callable[[], None] | None = None,
        fuse: FuseConfig | None = None,
        ambient_degC: float = 25.0,
    ) -> None:
        """All open; ``touch`` brings the physics to this instant before a fault is switched."""
        self._touch = touch or _nothing
        self._link = link
        self._contact_Ohm = contactor.contact_Ohm
        self._capacitance_F = link.capacitance_F
        self.fuse = None if fuse is None else Fuse(fuse)
        self.resistor = PrechargeResistor(link, ambient_degC)
        self.books: Books | None = None
        self.reset()

    def reset(self) -> None:
        """Everything open, discharged and whole."""
        self.link_V = self.pack_A = 0.0
        self.emf_V = 0.0
        self._pack = (0.0, 1.0)
        self._closed = (False, False, False)
        self._precharge_open = False
        self._short_Ohm: float | None = None  # of the link
        self._pack_short_Ohm: float | None = None
        self._leak_S = 0.0
        self._load_S = 0.0
        self._feed_A = 0.0
        self._arc_V = 0.0
        self._discharging = False
        if self.fuse is not None:
            self.fuse.renew()
        self.resistor.reset()
        self._wire()

    # --- switching --------------------------------------------------------------------------------

    def connect(self, *, main_plus: bool, main_minus: bool, precharge: bool) -> None:
        """Where the contacts are; the caller has advanced the physics to this instant."""
        self._closed = (main_plus, main_minus, precharge)
        self._wire()

    def set_precharge_open(self, on: bool) -> None:
        """Break the precharge resistor, or mend it."""
        self._touch()
        self._precharge_open = on
        if not on:
            self.resistor.burnt = False
        self._wire()

    def heat_precharge(self, temperature_degC: float) -> None:
        """Let the precharge resistor be hot, as after many attempts.

        Raises:
            ValueError: If it is below the ambient temperature, or infinite.
        """
        self._touch()
        self.resistor.heat(temperature_degC)
        self._wire()

    def set_link_short(self, resistance_Ohm: float | None) -> None:
        """Short the link with a resistance, or mend it with ``None``.

        Raises:
            ValueError: If the resistance is not positive.
        """
        self._short_Ohm = self._short(resistance_Ohm)
        self._wire()

    def set_pack_short(self, resistance_Ohm: float | None) -> None:
        """Short the pack before its contactors, behind its fuse; or mend it with ``None``.

        Raises:
            ValueError: If the resistance is not positive.
        """
        self._pack_short_Ohm = self._short(resistance_Ohm)
        self._wire()

    def _short(self, resistance_Ohm: float | None) -> float | None:
        if resistance_Ohm is not None and not 0.0 < resistance_Ohm < inf:
            raise ValueError(f"a short needs a positive resistance, not {resistance_Ohm!r} Ohm")
        self._touch()
        return resistance_Ohm

    def set_fuse_blown(self, blown: bool) -> None:
        """Take the fuse out, or put a new one in.

        Raises:
            ValueError: If the pack has none.
        """
        if self.fuse is None:
            raise ValueError("the pack has no fuse: the rig file has no section [fuse]")
        self._touch()
        if blown:
            self.fuse.blow()
        else:
            self.fuse.renew()
        self._wire()

    def set_leak(self, conductance_S: float) -> None:
        """What leaks from plus to minus before the contactors, by way of the chassis."""
        if conductance_S != self._leak_S:
            self._leak_S = conductance_S
            self._wire()

    def set_loads(self, conductance_S: float) -> None:
        """The resistors on the link."""
        if conductance_S != self._load_S:
            self._load_S = conductance_S
            self._wire()

    def keep_books(self) -> Books:
        """Keep account of all energy from now on."""
        self.books = Books()
        self._wire()
        return self.books

    def set_discharging(self, on: bool) -> None:
        """Switch the drive's active discharge."""
        if on != self._discharging:
            self._discharging = on
            self._wire()

    def feed(self, current_A: float) -> None:
        """What a charger behind charge contactors of its own feeds into the pack's terminals."""
        if current_A != self._feed_A:
            self._feed_A = current_A
            self._wire()

    def arc(self, voltage_V: float) -> None:
        """What arcs between parting contacts take from the path, against its current, in V."""
        if voltage_V != self._arc_V:
            self._arc_V = voltage_V
            self._wire()

    def _wire(self) -> None:
        """Resistances anew after something was switched."""
        main_plus, main_minus, precharge = self._closed
        link, contact, fuse = self._link, self._contact_Ohm, self.fuse
        self._alive = fuse is None or not fuse.blown
        through_precharge = precharge and not (self._precharge_open or self.resistor.burnt)
        precharge_S = 1.0 / (contact + link.precharge_Ohm) if through_precharge else 0.0
        plus_S = precharge_S + (1.0 / contact if main_plus else 0.0)
        self.connected = main_minus and plus_S > 0.0
        self.direct = main_minus and main_plus
        self._path_Ohm = contact + link.busbar_Ohm + 1.0 / plus_S if self.connected else inf
        self._precharge_share = precharge_S / plus_S if self.connected else 0.0
        self._fuse_Ohm = 0.0 if fuse is None else fuse.resistance_Ohm
        self._across_S = self._leak_S
        if self._pack_short_Ohm is not None:
            self._across_S += 1.0 / self._pack_short_Ohm
        self._plain = self._alive and not (self._across_S or self._feed_A or self._arc_V)
        self._shunt_S = 1.0 / link.bleed_Ohm + self._load_S
        if self._discharging:
            self._shunt_S += 1.0 / link.discharge_Ohm
        if self._short_Ohm is not None:
            self._shunt_S += 1.0 / self._short_Ohm
        self.breakable = (self._alive and fuse is not None) or self._precharge_share > 0.0
        self._watched = self.breakable or self.books is not None
        self._before_Ohm = self._fuse_Ohm + self._path_Ohm
        self._offset_A, self._pack_share = 0.0, 1.0  # unless something is across the terminals
        self.view(*self._pack)

    # --- solution ---------------------------------------------------------------------------------

    def view(self, emf_V: float, resistance_Ohm: float) -> None:
        """See the pack as it is now: sets what the loads see, and the current of this instant.

        The pack's current is ``offset + share × (current of the path)``; what is across the terminals
        makes them other than 0 and 1.
        """
        self._pack = (emf_V, resistance_Ohm)
        if self._plain:
            self._source_V = emf_V
            self._pack_S = pack_S = 1.0 / (resistance_Ohm + self._before_Ohm)
            total_S = pack_S + self._shunt_S
            self.emf_V = emf_V * pack_S / total_S
            self.resistance_Ohm = 1.0 / total_S
            self.pack_A = pack_S * (emf_V - self.link_V)
        else:
            self._pack_S = pack_S = self._view_terminals(emf_V, resistance_Ohm)
            total_S = pack_S + self._shunt_S
            self.emf_V = self._source_V * pack_S / total_S
            self.resistance_Ohm = 1.0 / total_S
            self.pack_A = self._offset_A + self._pack_share * pack_S * (self._source_V - self.link_V)

    def _view_terminals(self, emf_V: float, resistance_Ohm: float) -> float:
        """Thévenin at the pack's terminals, with what is across them and what is fed in there.

        Returns:
            The conductance from there to the link.
        """
        pack_S = 1.0 / (resistance_Ohm + self._fuse_Ohm) if self._alive else 0.0
        total_S = pack_S + self._across_S
        if total_S == 0.0:  # nothing left that the path could carry
            self._source_V = self._offset_A = self._pack_share = 0.0
            return 0.0
        self._source_V = (pack_S * emf_V + self._feed_A) / total_S - self._arc_V
        self._pack_share = pack_S / total_S
        self._offset_A = self._pack_share * (self._across_S * emf_V - self._feed_A)
        return 1.0 / (1.0 / total_S + self._path_Ohm)

    @property
    def terminal_V(self) -> float:
        """Voltage between the pack's poles behind the fuse, before the contactors."""
        emf_V, resistance_Ohm = self._pack
        if self._alive:
            return emf_V - (resistance_Ohm + self._fuse_Ohm) * self.pack_A
        path_A = self._pack_S * (self._source_V - self.link_V)
        if self._across_S:
            return (self._feed_A - path_A) / self._across_S
        return self.link_V if self.connected else 0.0

    def seen_from_terminals(self) -> tuple[float, float, float]:
        """What a charger at the pack's terminals works against once the link has settled.

        Returns:
            EMF in V without it, resistance in Ohm, and its share of each ampere that the link's loads take.
        """
        emf_V, resistance_Ohm = self._pack
        pack_S = 1.0 / (resistance_Ohm + self._fuse_Ohm) if self._alive else 0.0
        share = 1.0 / (1.0 + self._path_Ohm * self._shunt_S) if self.connected else 0.0
        total_S = pack_S + self._across_S + share * self._shunt_S
        return (pack_S * emf_V / total_S, 1.0 / total_S, share) if total_S else (0.0, inf, share)

    @property
    def alive(self) -> bool:
        """Whether the pack's fuse is whole."""
        return self._alive

    def current_through(self, contactor: str) -> float:
        """Current that a contactor would break if it opened now, in A."""
        if contactor.startswith("charge_"):
            return -self._feed_A
        path_A = self._pack_S * (self._source_V - self.link_V)
        if contactor == "main_minus":
            return path_A
        share = self._precharge_share
        return path_A * (share if contactor == "precharge" else 1.0 - share)

    def voltage_after(self, load_A: float, dt_s: float) -> float:
        """Link voltage after ``dt_s`` with this load."""
        settled = self.emf_V - load_A * self.resistance_Ohm
        decay = exp(-dt_s / (self._capacitance_F * self.resistance_Ohm))
        return settled + (self.link_V - settled) * decay

    def time_to(self, voltage_V: float, load_A: float) -> float:
        """Time in s until the link reaches a voltage that lies on its way to the settled one."""
        settled = self.emf_V - load_A * self.resistance_Ohm
        ratio = (self.link_V - settled) / (voltage_V - settled)
        return self._capacitance_F * self.resistance_Ohm * max(0.0, log(ratio))

    def courses(self, load_A: float) -> tuple[Course, Course, Course]:
        """How the currents of pack and path and the link's voltage go on with this load."""
        settled = self.emf_V - load_A * self.resistance_Ohm
        rate = 1.0 / (self._capacitance_F * self.resistance_Ohm)
        link = Course(settled, self.link_V - settled, rate)
        path = Course(self._pack_S * (self._source_V - settled), -self._pack_S * link.extra, rate)
        return path.scaled(self._pack_share, self._offset_A), path, link

    def advance(self, load_A: float, dt_s: float) -> float:
        """Advance by ``dt_s`` with this load on the link, after :meth:`view`.

        Returns:
            The pack's mean current in the step: what conserves its charge.
        """
        if self._watched:
            self._account(load_A, dt_s)
        else:
            self.resistor.idle_s += dt_s
        settled = self.emf_V - load_A * self.resistance_Ohm
        x = dt_s / (self._capacitance_F * self.resistance_Ohm)
        away = self.link_V - settled
        fallen = -expm1(-x)
        self.link_V = link_V = settled + away * (1.0 - fallen)
        if self._plain:
            if not self.connected:
                return 0.0
            pack_S, emf_V = self._pack_S, self._source_V
            self.pack_A = pack_S * (emf_V - link_V)
            return pack_S * (emf_V - settled) - pack_S * away * fallen / x
        source_V, offset_A = self._source_V, self._offset_A
        pack_S = self._pack_share * self._pack_S
        steady = offset_A + pack_S * (source_V - settled)
        self.pack_A = offset_A + pack_S * (source_V - link_V)
        return steady - pack_S * away * fallen / x

    # --- what the current heats -------------------------------------------------------------------

    def breaks_within(self, load_A: float, dt_s: float) -> Break | None:
        """What the current breaks first within ``dt_s`` with this load, if anything."""
        if not self.breakable:
            return None
        pack, path, _ = self.courses(load_A)
        found: list[tuple[float | None, Callable[[], None]]] = []
        if self.fuse is not None and self._alive:
            found.append((self.fuse.blows_within(pack, dt_s), self.fuse.blow))
        if self._precharge_share:
            share = path.scaled(self._precharge_share)
            found.append((self.resistor.burns_within(share, dt_s), self.resistor.burn))
        breaks = [Break(instant_s, act) for instant_s, act in found if instant_s is not None]
        return min(breaks, key=lambda item: item.instant_s, default=None)

    def break_now(self, what: Break) -> None:
        """Break it, after an advance to its instant."""
        what.act()
        self._wire()

    def _account(self, load_A: float, dt_s: float) -> None:
        """What this step heats, before the state moves on."""
        pack, path, link = self.courses(load_A)
        precharge_J = 0.0
        if self.fuse is not None and self._alive:
            self.fuse.carry(pack, dt_s)
        if self._precharge_share:
            precharge_J = self.resistor.carry(path.scaled(self._precharge_share), dt_s)
        else:
            self.resistor.idle_s += dt_s
        if self.books is not None:
            self._book(self.books, pack, path, link, (load_A, dt_s, precharge_J))

    def _book(
        self, books: Books, pack: Course, path: Course, link: Course, rest: tuple[float, float, float]
    ) -> None:
        load_A, dt_s, precharge_J = rest
        emf_V, resistance_Ohm = self._pack
        pack_A2s, link_V2s = pack.square_integral(dt_s), link.square_integral(dt_s)
        bleed_S = 1.0 / self._link.bleed_Ohm
        books.enter(
            cells=emf_V * pack.integral(dt_s),
            cell_resistance=resistance_Ohm * pack_A2s,
            fuse=self._fuse_Ohm * pack_A2s,
            precharge=precharge_J,
            arcs=self._arc_V * path.integral(dt_s),
            bleed=bleed_S * link_V2s,
            shunts=(self._shunt_S - bleed_S) * link_V2s,
            loads=load_A * link.integral(dt_s),
            link=0.5 * self._capacitance_F * (link.at(dt_s) ** 2 - self.link_V**2),
        )
        if self.connected:
            books.enter(contacts=self._path_Ohm * path.square_integral(dt_s) - precharge_J)
        if self._across_S or self._feed_A:
            terminal = self._terminal(path)
            books.enter(
                charger=self._feed_A * terminal.integral(dt_s),
                terminals=self._across_S * terminal.square_integral(dt_s),
            )

    def _terminal(self, path: Course) -> Course:
        """How the voltage at the pack's terminals goes on."""
        resistance_Ohm = self._pack[1]
        pack_S = 1.0 / (resistance_Ohm + self._fuse_Ohm) if self._alive else 0.0
        total_S = pack_S + self._across_S
        if total_S == 0.0:
            return Course(0.0, 0.0, path.rate_per_s)
        return path.scaled(-1.0 / total_S, self._source_V + self._arc_V)

    def save(self) -> dict[str, Any]:
        """The whole state."""
        return {
            "link_V": self.link_V,
            "pack_A": self.pack_A,
            "pack": list(self._pack),
            "closed": list(self._closed),
            "broken": [self._precharge_open, self._short_Ohm, self._pack_short_Ohm],
            "others": [self._leak_S, self._load_S, self._feed_A, self._arc_V],
            "discharging": self._discharging,
            "resistor": self.resistor.save(),
            "fuse": None if self.fuse is None else self.fuse.save(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave."""
        main_plus, main_minus, precharge = state["closed"]
        self._closed = (main_plus, main_minus, precharge)
        self._precharge_open, self._short_Ohm, self._pack_short_Ohm = state["broken"]
        self._leak_S, self._load_S, self._feed_A, self._arc_V = state["others"]
        self._discharging = state["discharging"]
        self.resistor.restore(state["resistor"])
        if self.fuse is not None:
            self.fuse.restore(state["fuse"])
        emf_V, resistance_Ohm = state["pack"]
        self._pack = (emf_V, resistance_Ohm)
        self._wire()
        self.link_V, self.pack_A = state["link_V"], state["pack_A"]

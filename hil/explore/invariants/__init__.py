"""What must hold at every instant of every life, made from the rig's limits and roles.

Each invariant is asked after every frame of the messages that carry its roles, and names the first frame that
shows it broken. It gives the BMS two cycles of the role's message more than its limit, so that limits met at
their edge are no failures. One that the rig lacks a role or a limit for is not checked, with that reason.
"""

from hil.explore.invariants.clearing import Latched, Recovers, ServiceFaultsStay
from hil.explore.invariants.contactors import ClosedInsideLimits, ClosesOnRequest, CurrentOffered, Precharged
from hil.explore.invariants.invariant import Invariant
from hil.explore.invariants.reporting import CausesReported, FaultsFounded, FirstFaultIsOfNow, MemoryKept
from hil.explore.invariants.soc import SocBounded, SocKept
from hil.explore.invariants.states import KeepsTalking, KnownStates, NoBalancingInFault, NoShortcut, Starts

__all__ = ["ALL", "Invariant"]

ALL: tuple[type[Invariant], ...] = (
    *(ClosedInsideLimits, CausesReported, FaultsFounded, Latched, ServiceFaultsStay, Recovers, KnownStates),
    *(Starts, ClosesOnRequest, Precharged, NoShortcut, CurrentOffered, NoBalancingInFault, MemoryKept),
    *(FirstFaultIsOfNow, SocBounded, SocKept, KeepsTalking),
)

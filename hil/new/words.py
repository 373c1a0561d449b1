"""Names of signals and messages as words that mean the same whoever wrote the DBC file."""

from __future__ import annotations

import re

from hil.frames.names import parts_of

# what DBC files call it -> the word that the rules know; English, German, and what is usual in both
_SAME = {
    "cell": "cell cells zelle zellen zell cel",
    "voltage": "voltage voltages volt volts spannung u v vtg",
    "current": "current curr strom i amps amp ibat ibatt ipack",
    "temperature": "temperature temperatures temp temps temperatur t ntc tmp thermistor",
    "pack": "pack battery batt bat batterie total hv bus stack",
    "link": "link dclink zwischenkreis zk intermediate output dc",
    "contactor": "contactor contactors relay relais schuetz schutz kontaktor switch",
    "plus": "plus pos positive positiv p kplus",
    "minus": "minus neg negative negativ n kminus",
    "precharge": "precharge prechg pre vorladung vorladen vorlade vorladeschuetz",
    "main": "main haupt hauptschuetz",
    "feedback": "feedback fb aux auxiliary rueckmeldung readback closed act actual ist fbk fdbk rueck",
    "command": "command cmd request req ctrl control set soll demand ansteuerung",
    "interlock": "interlock hvil pilot verriegelung",
    "isolation": "isolation iso insulation isolations isolationswiderstand imd riso",
    "soc": "soc ladezustand",
    "state": "state zustand status stat opmode st sts",
    "mode": "mode modus betriebsart",
    "fault": "fault faults fehler error err alarm failure flt",
    "warning": "warning warn warnings warnung wrn",
    "limit": "limit lim max maximum allowed permitted grenze available maxi",
    "minimum": "min minimum lowest low mini",
    "mean": "mean avg average mittel mittelwert",
    "charge": "charge charging chg chrg laden lade lad chrgng",
    "discharge": "discharge discharging disch dchrg dsch dch dchg dischg entladen entlade entl dsg",
    "charger": "charger obc elcon lader ladegeraet evse evcc",
    "over": "over ueber high ov oc ot hi",
    "under": "under unter uv ut lo",
    "reset": "reset quittierung clear ack rst",
    "balancing": "balancing balance bal balancer ausgleich bleed",
    "derating": "derating derate reduced derat",
    "valid": "valid gueltig ok",
    "torque": "torque drehmoment trq",
    "speed": "speed drehzahl rpm",
    "enable": "enable enabled freigabe en",
    "inverter": "inverter inv mcu drive umr wr umrichter wechselrichter traction",
    "shunt": "shunt ivt isa currentsensor stromsensor",
    "weld": "weld welded stuck verklebt klebt verschweisst",
    "sensor": "sensor sensors fuehler",
    "cooling": "cooling kuehlung cooler cool",
    "estimated": "estimated estimate geschaetzt",
    "crash": "crash unfall",
    "uptime": "uptime runtime laufzeit",
    "timeout": "timeout timeouts",
    "number": "number no nr num nummer",
}
_WORD = {same: word for word, texts in _SAME.items() for same in texts.split()}
# letters that name a quantity, before what it is of: Ucell, iBatt, TModul, Idch, Tmax
_PREFIXED = re.compile(
    r"([uvit])(cell|zelle|bat|batt|pack|link|zk|mod|modul|module|dc|dch|dchg|dsch|entl|chg|chrg|lade|max|min)s?$"
)
_ALSO = {  # abbreviations that are two words
    "e2e": ("e2e",),
    "ov": ("over", "voltage"),
    "uv": ("under", "voltage"),
    "oc": ("over", "current"),
    "ot": ("over", "temperature"),
    "ut": ("under", "temperature"),
    "overvoltage": ("over", "voltage"),
    "undervoltage": ("under", "voltage"),
    "overcurrent": ("over", "current"),
    "overtemperature": ("over", "temperature"),
    "overtemp": ("over", "temperature"),
    "undertemperature": ("under", "temperature"),
    "undertemp": ("under", "temperature"),
    "ueberspannung": ("over", "voltage"),
    "unterspannung": ("under", "voltage"),
    "ueberspg": ("over", "voltage"),
    "unterspg": ("under", "voltage"),
    "ueberstrom": ("over", "current"),
    "uebertemperatur": ("over", "temperature"),
    "untertemperatur": ("under", "temperature"),
    "sammelfehler": ("any", "fault"),
    "zellspannung": ("cell", "voltage"),
    "zelltemperatur": ("cell", "temperature"),
    "ladestrom": ("charge", "current"),
    "entladestrom": ("discharge", "current"),
    "packspannung": ("pack", "voltage"),
    "batteriespannung": ("pack", "voltage"),
    "packstrom": ("pack", "current"),
}


def words_of(name: str) -> frozenset[str]:
    """What a name says, in the words that the rules know; numbers as they are, without leading zeros."""
    found: set[str] = set()
    for part in parts_of(name):
        prefixed = _PREFIXED.match(part)
        if part.isdigit():
            found.add(str(int(part)))
        elif part in _ALSO:
            found.update(_ALSO[part])
        elif prefixed:
            found.update(_WORD.get(piece, piece) for piece in prefixed.groups())
        else:
            found.add(_WORD.get(part, part))
    return frozenset(found)


def number_of(name: str) -> int | None:
    """The last number in a name, if there is one."""
    numbers = [part for part in parts_of(name) if part.isdigit()]
    return int(numbers[-1]) if numbers else None

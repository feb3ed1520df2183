"""How much people were told, beside ISA-18.2 / IEC 62682 and EEMUA 191. Pure.

Notices go to offices: to whoever sits there. Who that was in a shift is known by their signed
words: a person was at work in each shift in which one of their orders was carried out, and heard
all that was told meanwhile. A shift is from 08:00 to 20:00, or from 20:00 to 08:00, of China.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final, Literal

from collector.period import CST, Period
from config.register import Person
from escalation.load import FLOOD_OVER, WINDOW_MS, windows
from escalation.report import Line

KIND: Final = "command"
"""The journal's kind that says who was at work; ``notice`` says what was told."""

# ISA-18.2-2009 / IEC 62682:2014: alarms per operator position. The day's targets are those of
# 2009; the edition of 2016 dropped them, and averages hide floods: so the worst ten minutes too.
DAY_ACCEPTABLE: Final = 150
DAY_MANAGEABLE: Final = 300
SHIFTS_A_DAY: Final = 2
FLOOD_SHARE: Final = 0.01
"""ISA-18.2, EEMUA 191: at most 1 % of all periods of ten minutes hold more than ten."""

SHIFT_HOUR: Final = 8
SHIFT: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Told:
    """Notices to one office; ``floods`` more than 10 in 10 min; ``flood_share`` of such periods.

    ``worst_shift``: the most in one shift, which began at ``shift_ms``; ``shift_word`` says how
    much that is, ``word`` what the day's average is.
    """

    office: str
    notices: int
    per_day: float
    worst_window: int
    floods: int
    word: str
    flood_share: float = 0.0
    worst_shift: int = 0
    shift_ms: int = 0
    shift_word: str = "acceptable"


@dataclass(frozen=True, slots=True)
class Load:
    """What one person, or whoever had one role, heard in the shifts in which they were at work.

    ``acked`` of the notices were confirmed by them, within ``ack_s`` at the median.
    """

    kind: Literal["person", "role"]
    id: str
    shifts: int
    heard: int
    worst_shift: int
    shift_ms: int
    worst_window: int
    acked: int
    ack_s: int | None
    word: str


def shift_of(at_ms: int) -> int:
    """When the shift began in which ``at_ms`` is (ms)."""
    at = datetime.fromtimestamp(at_ms / 1000, CST)
    first = at.replace(hour=SHIFT_HOUR, minute=0, second=0, microsecond=0)
    if at < first:
        first -= 2 * SHIFT
    begun = first + SHIFT if at >= first + SHIFT else first
    return round(begun.timestamp() * 1000)


def shift_word(notices: int) -> str:
    """How much so many in one shift are: half of what a day may have."""
    if notices <= DAY_ACCEPTABLE / SHIFTS_A_DAY:
        return "acceptable"
    return "manageable" if notices <= DAY_MANAGEABLE / SHIFTS_A_DAY else "over"


def offices(rows: Iterable[Line], period: Period) -> Iterator[Told]:
    """Load on each office: the day's average, the worst shift and ten minutes, floods."""
    stamps: dict[str, list[int]] = {}
    for row in rows:
        if row.kind == "notice" and period.from_ms <= row.at_ms < period.to_ms:
            for office in row.data["recipients"]:
                stamps.setdefault(office, []).append(row.at_ms)
    days = max((period.to_ms - period.from_ms) / 86_400_000, 1e-9)
    for office, times in sorted(stamps.items()):
        worst, floods, _ = windows(times)
        shift_ms, most = _worst(times)
        per_day = len(times) / max(days, 1.0)
        manageable = "manageable" if per_day <= DAY_MANAGEABLE else "over"
        word = "acceptable" if per_day <= DAY_ACCEPTABLE else manageable
        yield Told(
            office,
            len(times),
            round(per_day, 1),
            worst,
            floods,
            word,
            _flooded(times, period),
            most,
            shift_ms,
            shift_word(most),
        )


def _worst(times: Iterable[int]) -> tuple[int, int]:
    """The shift with the most, the first of them, and how many; (0, 0): there is none."""
    counts = Counter(shift_of(at_ms) for at_ms in times)
    if not counts:
        return 0, 0
    most = max(counts.values())
    return min(begun for begun, count in counts.items() if count == most), most


def _flooded(times: Iterable[int], period: Period) -> float:
    """The share of the period's ten minutes, counted from its beginning, with more than ten."""
    counts = Counter((at_ms - period.from_ms) // WINDOW_MS for at_ms in times)
    all_ = max(1, -(-(period.to_ms - period.from_ms) // WINDOW_MS))
    return sum(count > FLOOD_OVER for count in counts.values()) / all_


def people(rows: Iterable[Line], period: Period, known: Iterable[Person]) -> tuple[Load, ...]:
    """The load on each person and each role, the most first, persons before roles."""
    told: dict[str, int] = {}
    shifts: dict[str, set[int]] = {}
    acks: dict[str, list[int]] = {}
    acked: set[str] = set()
    for row in rows:
        if not period.from_ms <= row.at_ms < period.to_ms:
            continue
        if row.kind == "notice":
            told.setdefault(row.data["id"], row.at_ms)
        elif row.kind == KIND and row.data["outcome"] == "accepted":
            said = row.data["command"]
            shifts.setdefault(said["account"], set()).add(shift_of(row.at_ms))
            if said["verb"] == "ack" and said["target"] in told.keys() - acked:
                acked.add(said["target"])
                acks.setdefault(said["account"], []).append(row.at_ms - told[said["target"]])
    roles = {one.account: one.roles for one in known}
    of_role: dict[str, list[str]] = {}
    for account in shifts:
        for role in roles.get(account, ()):
            of_role.setdefault(role, []).append(account)
    stamps = sorted(told.values())
    found = [_load("person", one, [one], shifts, acks, stamps) for one in shifts]
    found += [
        _load("role", one, accounts, shifts, acks, stamps) for one, accounts in of_role.items()
    ]
    return tuple(sorted(found, key=lambda one: (one.kind, -one.heard, one.id)))


def _load(
    kind: Literal["person", "role"],
    ident: str,
    accounts: Iterable[str],
    shifts: Mapping[str, set[int]],
    acks: Mapping[str, Sequence[int]],
    stamps: Sequence[int],
) -> Load:
    accounts = list(accounts)
    at_work = set[int]().union(*(shifts[one] for one in accounts))
    heard = [at_ms for at_ms in stamps if shift_of(at_ms) in at_work]
    took = [ms for one in accounts for ms in acks.get(one, ())]
    shift_ms, most = _worst(heard)
    return Load(
        kind,
        ident,
        len(at_work),
        len(heard),
        most,
        shift_ms,
        windows(heard)[0],
        len(took),
        int(median(took)) // 1000 if took else None,
        shift_word(most),
    )

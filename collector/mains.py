"""Mains and batteries of a site, from the alarms and readings of its devices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from collector.county import County
from collector.state import DeviceState as Row
from collector.state import Status
from config.policy import AlarmType, SiteEffect
from wire.view import Battery, Mains

# Probable causes by number: RFC 3877, IANAItuProbableCause (X.733, M.3100).
MAINS_CAUSES: Final = frozenset({106})
BATTERY_CAUSES: Final = {
    104: Battery.DISCHARGING,
    112: Battery.LOW,
    105: Battery.FAILED,
}
POWER_CAUSES: Final = frozenset({104, 105, 106, 108, 110, 111, 112, 114, 115, 116, 127})
_BATTERY_RANK: Final = (Battery.OK, Battery.DISCHARGING, Battery.LOW, Battery.FAILED)

# UPS-MIB (RFC 1628) upsEstimatedMinutesRemaining, upsEstimatedChargeRemaining by profile name.
MINUTES: Final = "ups_minutes_remaining"
PERCENT: Final = "ups_charge_remaining"

MOST: Final = 100_000
"""Minutes; a UPS that does not know says any number."""


def active(county: County, row: Row) -> Iterator[AlarmType]:
    """The types of the device's raised or flapping alarms."""
    for name, alarm in row.alarms.items():
        kind = county.types.get(name.partition("|")[0])
        if kind is not None and alarm.speaks:
            yield kind


def power(county: County, rows: Iterable[Row]) -> tuple[Mains | None, Battery | None]:
    """Lost once an alarm says so, until it clears; else on where somebody sees a measuring one."""
    mains: Mains | None = None
    battery: Battery | None = None
    for row in rows:
        measured = _measured(county, row)
        if measured & MAINS_CAUSES:
            mains = mains or Mains.ON
        if measured & BATTERY_CAUSES.keys():
            battery = battery or Battery.OK
        for kind in active(county, row):
            cause = kind.probable_cause_no
            if cause in MAINS_CAUSES and kind.site_effect is not SiteEffect.NONE:
                mains = Mains.LOST
            if cause in BATTERY_CAUSES:
                worse = BATTERY_CAUSES[cause]
                battery = max(battery or Battery.OK, worse, key=_BATTERY_RANK.index)
    return mains, battery


def _tells(row: Row) -> bool:
    """Whether the device's readings are of now: what stopped answering says nothing any more."""
    return row.known and row.status in {Status.OK, Status.ALARM}


def _measured(county: County, row: Row) -> set[int]:
    """Probable causes of which a reading of this device would tell now."""
    if not _tells(row):
        return set()
    found = set()
    for name, reading in row.readings.items():
        if reading.value is None:
            continue
        for hint in county.hints.get(name.partition("|")[0], ()):
            cause = county.types[hint.alarm].probable_cause_no
            if cause is not None:
                found.add(cause)
    return found


def least(rows: Iterable[Row], metric: str) -> int | None:
    values = [
        reading.value
        for row in rows
        if _tells(row) and (reading := row.readings.get(f"{metric}|")) is not None
    ]
    known = [value for value in values if value is not None]
    return min(MOST, max(0, round(min(known)))) if known else None


def percent(rows: Iterable[Row]) -> int | None:
    value = least(rows, PERCENT)
    return None if value is None else min(100, value)

"""Alarms, shelves and maintenance windows of the World as the pages' rows. Reads alone."""

from __future__ import annotations

from collections.abc import Iterator

from collector import maintenance
from collector.base import World
from collector.care import care_of
from collector.county import UNREACHABLE
from collector.hold import Phase
from collector.sight import in_sight
from collector.state import Alarm as Held
from collector.state import CareNote, Status
from collector.state import DeviceState as Row
from collector.timers import TimerKey
from collector.web.source import Alarm, Change, Note, ShelfMark, WindowState
from config.policy import AlarmType
from wire.maintenance import Kind, Window, target_of
from wire.notice import Bilingual

__all__ = ["alarms", "cleared", "note", "shelf", "windows"]


def alarms(world: World, name: str) -> Iterator[Alarm]:
    """A device's raised alarms. A hidden child's silence is its parent's alarm, not its own.

    Nor is a child's flapping that of what it hangs on.
    """
    row = world.state.devices.get(name)
    if row is None:
        return
    for key, held in row.alarms.items():
        kind = world.county.types.get(key.partition("|")[0])
        if kind is None or not held.speaks:
            continue
        if kind.id == UNREACHABLE and row.status is Status.HIDDEN:
            continue
        yield _alarm(world, name, key, held, (kind, row))


def cleared(world: World, name: str) -> Iterator[Alarm]:
    """A device's alarms that were raised and are over, until they are purged."""
    row = world.state.devices.get(name)
    if row is None:
        return
    for key, held in row.alarms.items():
        kind = world.county.types.get(key.partition("|")[0])
        if kind is None or held.active or held.flapping_ms is not None:
            continue
        over = next((one for one in reversed(held.changes) if one.word == "cleared"), None)
        if over is not None and held.phase in {Phase.CLEAR, Phase.PENDING}:
            yield _alarm(world, name, key, held, (kind, row), over.at_ms)


def _alarm(
    world: World,
    name: str,
    key: str,
    held: Held,
    of: tuple[AlarmType, Row],
    cleared_ms: int | None = None,
) -> Alarm:
    kind, row = of
    full, qualifier = f"{name}|{key}", key.partition("|")[2]
    care = care_of(world, full, held)
    began = next((one for one in reversed(held.changes) if one.word == "raised"), None)
    raised_ms = held.since_ms if cleared_ms is None or began is None else began.at_ms
    return Alarm(
        id=full,
        device=name,
        site=world.county.devices[name].site,
        type=kind.id,
        title=Bilingual(zh=kind.name_zh, en=kind.name_en),
        severity=kind.severity.value,
        raised_ms=raised_ms,
        cleared_ms=cleared_ms,
        text=_said(qualifier, held.said),
        flapping=held.flapping_ms is not None and not held.behind,
        unknown=not in_sight(world, name, row, kind.id, qualifier),
        acked=note(care.acked) if care and care.acked else None,
        closed=note(care.closed) if care and care.closed else None,
        assignee=care.assignee if care else None,
        notes=tuple(note(one) for one in care.notes) if care else (),
        shelved=mark(world, full),
        maintained=bool(world.covered) and maintenance.covers(world, name, row),
        cause=kind.probable_cause,
        cause_no=kind.probable_cause_no,
        event_type=kind.event_type,
        changes=tuple(
            Change(one.at_ms, one.word, one.severity, one.said) for one in reversed(held.changes)
        ),
    )


def mark(world: World, name: str) -> ShelfMark | None:
    """The alarm's place on the shelf."""
    held = world.state.hush.shelf.get(name)
    if held is None:
        return None
    return ShelfMark(name, held.name, held.reason, held.account, held.until_ms)


def shelf(world: World) -> tuple[ShelfMark, ...]:
    """Everything on the shelf, what is not raised included; what ends first, first."""
    marks = [one for name in world.state.hush.shelf if (one := mark(world, name)) is not None]
    return tuple(sorted(marks, key=lambda one: (one.until_ms, one.alarm)))


def windows(world: World) -> tuple[WindowState, ...]:
    """Windows that run, then those to come, by when their next edge is."""
    rows = [_window(world, one) for one in maintenance.known(world).values()]
    return tuple(sorted(rows, key=lambda one: (not one.open, one.begins_ms or 2**53, one.id)))


def _window(world: World, window: Window) -> WindowState:
    hush = world.state.hush
    span, entered = hush.open.get(window.id), hush.windows.get(window.id)
    length = window.end_ms - window.start_ms
    begins = span[0] if span else world.timers.get(TimerKey("window", window.id))
    devices = hush.covers.get(window.id) or maintenance.covered_by(world, window)
    rows = world.state.devices
    return WindowState(
        id=window.id,
        name=window.name,
        reason=window.reason,
        account=entered.account if entered else None,
        targets=tuple(_target(world, text) for text in window.targets),
        rrule=window.rrule,
        open=span is not None,
        begins_ms=begins,
        ends_ms=span[1] if span else begins + length if begins is not None else None,
        devices=len(devices),
        wrong=sum(d in rows and rows[d].status not in maintenance.QUIET for d in devices),
    )


def _target(world: World, text: str) -> Bilingual:
    """设备 润城主机, 移动公司 凤城镇: a target by name."""
    target, county = target_of(text), world.county
    if target.kind is Kind.DEVICE:
        device = county.devices.get(target.id)
        named = device.name if device else target.id
        return Bilingual(zh=f"设备 {named}", en=f"device {named}")
    if target.kind is Kind.SITE:
        site = county.sites.get(target.id)
        named = site.name if site else target.id
        return Bilingual(zh=f"站点 {named}", en=f"site {named}")
    named = county.operator_names.get(target.id, target.id)
    town = county.town_names.get(target.town, target.town)
    return Bilingual(zh=f"{named} {town}".strip(), en=f"{named} {town}".strip())


def _said(*parts: str) -> Bilingual:
    text = " ".join(part for part in parts if part)
    return Bilingual(zh=text, en=text)


def note(said: CareNote) -> Note:
    return Note(said.at_ms, said.account, said.verb, said.text)

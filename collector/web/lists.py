"""Lists of devices, sites and alarms: filtered, in order, one page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from collector.web.index import Moment, counts
from collector.web.model import (
    AlarmItem,
    ChangeItem,
    DeviceRow,
    MaintenanceAnswer,
    NoteItem,
    Page,
    ShelfItem,
    SiteRow,
    WindowItem,
)
from collector.web.source import ORDER, Alarm, Note, ShelfMark, State
from config.register import Device, Site
from wire.base import Id

MOST: Final = 200
"""Rows of one page."""

NEVER: Final = 2**62
SEVERITIES: Final = ("critical", "major", "minor", "warning")


def _split(value: Any) -> Any:
    return tuple(part for part in value.split(",") if part) if isinstance(value, str) else value


_COMMAS = (BeforeValidator(_split), Field(max_length=100))
Ids = Annotated[tuple[Id, ...], *_COMMAS]
States = Annotated[tuple[State, ...], *_COMMAS]
Severities = Annotated[tuple[Literal["critical", "major", "minor", "warning"], ...], *_COMMAS]


class Query(BaseModel):
    """What all lists can be asked: text, town, operator, and which part. Lists: a,b,c."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    q: Annotated[str, Field(max_length=100)] = ""
    town: Ids = ()
    operator: Ids = ()
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50

    def words(self) -> list[str]:
        """The words of ``q``, all of which must be found."""
        return self.q.casefold().split()


class SiteQuery(Query):
    """``state`` in any of these; ``key_unit`` and ``at_risk`` only those.

    Sorted by ``dark``: those that will be dark first, by key units and people behind them.
    """

    state: States = ()
    key_unit: bool = False
    at_risk: bool = False
    sort: Literal["state", "name", "since", "dark"] = "state"


class DeviceQuery(Query):
    """``site``: of this site; ``cause``: hidden behind this device."""

    state: States = ()
    site: Id | None = None
    cause: Id | None = None
    sort: Literal["state", "name", "since"] = "state"


class AlarmQuery(Query):
    """``show``: open ones, those nobody acknowledged, shelved, closed, cleared, unknown, or all.

    Shelved and closed ones are open no more for who looks at the list (RFC 8632 section 2.6);
    what stands in a maintenance window is open and waits for nobody. Unknown are those, raised or
    cleared, of which nobody can say now whether they go on.
    """

    show: Literal["open", "unacked", "unknown", "shelved", "closed", "cleared", "all"] = "open"
    severity: Severities = ()
    assignee: Id | None = None


def _fits(query: Query, town: str, operator: str) -> bool:
    return (not query.town or town in query.town) and (
        not query.operator or operator in query.operator
    )


def sites(moment: Moment, query: SiteQuery) -> list[Site]:
    """The sites that fit, in order: worst first, key units first, newest first."""
    words, texts = query.words(), moment.index.site_text
    found = [
        site
        for site in moment.index.sites.values()
        if _fits(query, site.town, site.operator)
        and (not query.state or moment.site(site.id).state in query.state)
        and (not query.key_unit or site.key_unit)
        and (not query.at_risk or moment.site(site.id).at_risk)
        and all(word in texts[site.id] for word in words)
    ]
    found.sort(key=_site_order(moment, query.sort))
    return found


def _site_order(moment: Moment, sort: str) -> Callable[[Site], Any]:
    if sort == "name":
        return lambda site: site.name
    if sort == "since":
        return lambda site: -moment.site(site.id).since_ms

    if sort == "dark":
        return lambda site: dark_order(moment, site)

    def worst_first(site: Site) -> Any:
        here = moment.site(site.id)
        return (ORDER[here.state], not site.key_unit, -here.since_ms, site.id)

    return worst_first


def dark_order(moment: Moment, site: Site) -> tuple[int, int, int, str]:
    """Key units behind it, people behind it, what is left; what has its mains comes last."""
    power = moment.site(site.id).power
    if power is None:
        return (1, 0, 0, site.id)
    return (-power.keys, -power.people, power.dark_ms or NEVER, site.id)


def devices(moment: Moment, query: DeviceQuery) -> list[Device]:
    """The devices that fit, in order: worst first, causes before what hides behind them."""
    words, texts, all_sites = query.words(), moment.index.device_text, moment.index.sites
    pool: Iterable[Device] = moment.index.devices.values()
    if query.site is not None:
        pool = moment.index.devices_of.get(query.site, ())
    found = []
    for device in pool:
        site = all_sites.get(device.site)
        here = moment.device(device.id)
        if (
            (site is None or _fits(query, site.town, site.operator))
            and (not query.state or here.state in query.state)
            and (query.cause is None or here.cause == query.cause)
            and all(word in texts[device.id] for word in words)
        ):
            found.append(device)
    found.sort(key=_device_order(moment, query.sort))
    return found


def _device_order(moment: Moment, sort: str) -> Callable[[Device], Any]:
    if sort == "name":
        return lambda device: device.name
    if sort == "since":
        return lambda device: -moment.device(device.id).since_ms
    all_sites = moment.index.sites

    def worst_first(device: Device) -> Any:
        here, site = moment.device(device.id), all_sites.get(device.site)
        key_unit = site is not None and site.key_unit
        hidden = here.cause is not None
        return (ORDER[here.state], hidden, not key_unit, -here.since_ms, device.id)

    return worst_first


def alarms(moment: Moment, query: AlarmQuery) -> list[Alarm]:
    """The alarms that fit: open before cleared, by severity, newest first."""
    words = query.words()
    found = [
        alarm
        for alarm in moment.board.alarms
        if _shown(alarm, query) and all(word in _alarm_text(moment, alarm) for word in words)
    ]
    found.sort(key=_alarm_order)
    if query.town or query.operator:
        found = [alarm for alarm in found if _fits(query, *_where(moment, alarm))]
    return found


def _shown(alarm: Alarm, query: AlarmQuery) -> bool:
    raised = alarm.cleared_ms is None
    wanted = {
        "open": in_list(alarm),
        "unacked": unacked(alarm),
        "unknown": alarm.unknown,
        "shelved": raised and alarm.shelved is not None,
        "closed": raised and alarm.closed is not None,
        "cleared": not raised,
        "all": True,
    }[query.show]
    return (
        wanted
        and (not query.severity or alarm.severity in query.severity)
        and (query.assignee is None or alarm.assignee == query.assignee)
    )


def in_list(alarm: Alarm) -> bool:
    """Raised, and neither shelved nor closed."""
    return alarm.cleared_ms is None and alarm.shelved is None and alarm.closed is None


def unacked(alarm: Alarm) -> bool:
    """It waits for somebody to acknowledge it."""
    return in_list(alarm) and alarm.acked is None and not alarm.hushed


def _alarm_order(alarm: Alarm) -> tuple[bool, int, int, str]:
    known = alarm.severity in SEVERITIES
    place = SEVERITIES.index(alarm.severity) if known else len(SEVERITIES)
    return (alarm.cleared_ms is not None, place, -alarm.raised_ms, alarm.id)


def _alarm_text(moment: Moment, alarm: Alarm) -> str:
    index = moment.index
    about = index.device_text.get(alarm.device or "") or index.site_text.get(alarm.site or "", "")
    return f"{alarm.id}\n{alarm.title.zh}\n{alarm.title.en}\n".casefold() + about


def _where(moment: Moment, alarm: Alarm) -> tuple[str, str]:
    site = _site_of(moment, alarm)
    return (site.town, site.operator) if site else ("", "")


def _site_of(moment: Moment, alarm: Alarm) -> Site | None:
    device = moment.index.devices.get(alarm.device or "")
    return moment.index.sites.get(alarm.site or (device.site if device else ""))


def page(moment: Moment, query: Query, rows: list[Any], make: Callable[..., Any]) -> Page[Any]:
    """The asked part of ``rows``, each made into its item by ``make(moment, row)``."""
    part = rows[query.offset : query.offset + query.limit]
    return Page(
        revision=moment.board.revision,
        at_ms=moment.board.at_ms,
        total=len(rows),
        offset=query.offset,
        items=tuple(make(moment, row) for row in part),
    )


def device_row(moment: Moment, device: Device) -> DeviceRow:
    """A device as lists show it."""
    here, site = moment.device(device.id), moment.index.sites.get(device.site)
    return DeviceRow(
        id=device.id,
        name=device.name,
        site=device.site,
        site_name=site.name if site else device.site,
        town=site.town if site else "",
        town_name=moment.index.town_name(site.town) if site else "",
        operator=site.operator if site else "",
        state=here.state,
        word=here.word,
        since_ms=here.since_ms or None,
        seen_ms=moment.board.seen(device.id),
        why=here.why,
        cause=here.cause,
        hides=moment.hides[device.id],
        key_unit=site is not None and site.key_unit,
        quiet=here.quiet,
    )


def site_row(moment: Moment, site: Site) -> SiteRow:
    """A site as lists show it."""
    here = moment.site(site.id)
    states: dict[State, int] = {}
    for device in moment.index.devices_of.get(site.id, ()):
        state = moment.device(device.id).state
        states[state] = states.get(state, 0) + 1
    return SiteRow(
        id=site.id,
        name=site.name,
        town=site.town,
        town_name=moment.index.town_name(site.town),
        operator=site.operator,
        state=here.state,
        at_risk=here.at_risk,
        key_unit=site.key_unit,
        hub=site.hub,
        weight=site.weight,
        since_ms=here.since_ms or None,
        why=here.why,
        devices=counts(states),
        power=here.power,
    )


def note_item(moment: Moment, note: Note) -> NoteItem:
    return NoteItem(
        at_ms=note.at_ms,
        account=note.account,
        name=moment.index.person_name(note.account),
        verb=note.verb,
        text=note.text,
    )


def alarm_item(moment: Moment, alarm: Alarm) -> AlarmItem:
    """An alarm as lists show it."""
    device = moment.index.devices.get(alarm.device or "")
    site = _site_of(moment, alarm)
    return AlarmItem(
        id=alarm.id,
        device=alarm.device,
        device_name=device.name if device else alarm.device or "",
        site=site.id if site else alarm.site,
        site_name=site.name if site else alarm.site or "",
        town=site.town if site else "",
        town_name=moment.index.town_name(site.town) if site else "",
        operator=site.operator if site else "",
        type=alarm.type,
        title=alarm.title,
        severity=alarm.severity,
        raised_ms=alarm.raised_ms,
        cleared_ms=alarm.cleared_ms,
        text=alarm.text,
        flapping=alarm.flapping,
        unknown=alarm.unknown,
        acked=note_item(moment, alarm.acked) if alarm.acked else None,
        assignee=alarm.assignee,
        assignee_name=moment.index.person_name(alarm.assignee),
        notes=tuple(note_item(moment, note) for note in alarm.notes),
        closed=note_item(moment, alarm.closed) if alarm.closed else None,
        shelved=shelf_item(moment, alarm.shelved) if alarm.shelved else None,
        maintained=alarm.maintained,
        cause=alarm.cause,
        cause_no=alarm.cause_no,
        event_type=alarm.event_type,
        changes=tuple(
            ChangeItem(at_ms=one.at_ms, word=one.word, severity=one.severity, said=one.said)
            for one in alarm.changes
        ),
    )


def shelf_item(moment: Moment, mark: ShelfMark) -> ShelfItem:
    """A place on the shelf as lists show it."""
    device = moment.index.devices.get(mark.alarm.partition("|")[0])
    return ShelfItem(
        alarm=mark.alarm,
        device_name=device.name if device else "",
        name=mark.name,
        reason=mark.reason,
        account=mark.account,
        person=moment.index.person_name(mark.account),
        until_ms=mark.until_ms,
    )


def maintenance(moment: Moment) -> MaintenanceAnswer:
    """Maintenance windows that run or are to come, and everything on the shelf."""
    board = moment.board
    return MaintenanceAnswer(
        revision=board.revision,
        at_ms=board.at_ms,
        windows=tuple(
            WindowItem(
                id=one.id,
                name=one.name,
                reason=one.reason,
                account=one.account,
                person=moment.index.person_name(one.account),
                targets=one.targets,
                rrule=one.rrule,
                state="open" if one.open else "coming",
                begins_ms=one.begins_ms,
                ends_ms=one.ends_ms,
                devices=one.devices,
                wrong=one.wrong,
            )
            for one in board.windows()
        ),
        shelf=tuple(shelf_item(moment, one) for one in board.shelf),
    )

"""Which retained topics are to be published next: pure bookkeeping between World and broker.

What changed is noted by name after a turn's commit and projected only when it is taken, so a
topic that changes faster than the broker takes it is published once, in its latest state. Whatever
is not in order goes first. After a (re)connection everything is due again, because the broker may
have lost it; and what its index pages still name, though it is ours no more, is cleared.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from collector import offices, views
from collector.base import World
from collector.branches import OPEN, TOTALS, WARNING, WARNINGS, Branches, head_of, topic_of
from collector.due import Due, Key, Rank
from escalation.situation import Situation
from escalation.state import Case
from wire.topics import Topics
from wire.view import IndexPage, OperatorIndex, SiteView, View, WarningIndex

LOOKS: Final = 64
"""Topics looked at in one ``take`` at most, published or found unchanged."""

COUNTED: Final = frozenset({"site", "device", "summary", "open"})
"""Kinds whose changes count as revisions of their branch; indexes only tell the count."""

_PAGE: Final = TypeAdapter(IndexPage)


class Told(NamedTuple):
    """A retained message; an empty payload clears its topic."""

    key: Key
    topic: str
    payload: bytes


class Retained:
    """The retained tree of one county. Names what is due; knows nothing of connections.

    ``note`` after each committed turn, ``again`` at each connection, ``held`` for each retained
    index page that the broker still has, ``beat`` at each heartbeat, ``take`` for the next few,
    ``failed`` for those that the broker did not take.
    """

    def __init__(self, topics: Topics, world: World, *, session: int, every_ms: int) -> None:
        self._topics = topics
        self._session = session
        self._every_ms = every_ms
        self._branches = Branches(world)
        self._due = Due()
        self._shown: dict[Key, View] = {}
        self._revs: Counter[str] = Counter()
        self._forced: set[Key] = set()
        self._batteries: set[Key] = set()
        self._gone: set[Key] = set()
        self._situation: Situation | None = None
        self._case: Case | None = None
        self._offices: tuple[tuple[str, str], ...] = ()

    @property
    def waiting(self) -> int:
        """Topics that are to be looked at."""
        return len(self._due)

    def note(self, world: World) -> None:
        """A turn is over and committed: remember what it judged again."""
        if world.county is not self._branches.county:
            self._replace(world)
            return
        for name in world.judged:
            if name in world.county.sites:
                self._note_site(world, name)
            if name in world.county.devices:
                self._note_device(world, name)
        if (heard := offices.words(world)) != self._offices:
            self._offices = heard
            self._due.put(TOTALS, Rank.TAIL)
        case = replace(world.desk.case) if world.desk.case else None
        if case != self._case:
            self._case = case
            self._due.put(OPEN, Rank.HEAD)
            self._due.put(WARNINGS, Rank.HEAD)
        if world.situation is not self._situation:
            self._situation = world.situation
            self._due.put(OPEN, Rank.HEAD)
            for operator in world.county.operators:
                self._due.put(Key("summary", operator), Rank.HEAD)

    def again(self, world: World) -> None:
        """Everything is due, whatever was published before."""
        self._shown.clear()
        self._look_at_all(world)

    def beat(self) -> None:
        """The indexes are due with a new stamp; so is every site with a battery's figures."""
        for key in self._branches.heads():
            self._forced.add(key)
            self._due.put(key, Rank.HEAD)
        for key in self._batteries:
            self._due.put(key, Rank.REST)

    def held(self, topic: str, payload: bytes) -> None:
        """The broker still holds this page of an index: what it names and is not ours goes."""
        try:
            page = _PAGE.validate_json(payload)
        except ValidationError:
            return  # not of our making; nobody who keeps to our indexes looks at it
        of = page.operator
        if topic != self._topics.view_page(of, page.page):
            return
        keys = [Key("page", of, str(page.page)), Key("summary", of), Key("index", of)]
        keys += [Key("site", of, name) for name in page.sites]
        keys += [Key("device", of, name) for name in page.devices]
        self._clear(keys)

    def take(self, world: World, now_ms: int, most: int) -> list[Told]:
        """The next messages, ``most`` at most; it may be fewer, or none, while more wait."""
        told: list[Told] = []
        for _ in range(LOOKS):
            key = self._due.pop() if len(told) < most else None
            if key is None:
                break
            message = self._made(world, now_ms, key)
            if message is not None:
                told.append(message)
        return told

    def failed(self, told: list[Told]) -> None:
        """The broker did not take these: they are due again."""
        for key, _, payload in told:
            self._shown.pop(key, None)
            if not payload:
                self._gone.add(key)
                self._due.put(key, Rank.GONE)
            self._due.put(key, Rank.HEAD if key.kind == "page" else Rank.TAIL)

    # ── What is due ──────────────────────────────────────────────────────────────────────────────

    def _replace(self, world: World) -> None:
        """Another configuration: what is in it no more is cleared, the rest looked at again."""
        before = self._branches.everything()
        self._branches = Branches(world)
        self._batteries.clear()
        self._clear(before)
        self._look_at_all(world)

    def _look_at_all(self, world: World) -> None:
        for key in self._branches.everything():
            self._due.put(key, self._rank(world, key))

    def _clear(self, keys: list[Key]) -> None:
        """Clear the topics of ``keys`` that are ours no more."""
        ours = set(self._branches.everything())
        self._gone -= ours
        for key in keys:
            if key not in ours:
                self._gone.add(key)
                self._due.put(key, Rank.GONE)

    def _rank(self, world: World, key: Key) -> Rank:
        if key.kind not in {"site", "device"}:
            return Rank.HEAD
        facts = world.tally.site_facts if key.kind == "site" else world.tally.device_facts
        return Rank.ABNORMAL if key.name in facts else Rank.REST

    def _note_site(self, world: World, site: str) -> None:
        operator = world.county.sites[site].operator
        if self._branches.site(world, site):
            self._due.put(Key("summary", operator), Rank.HEAD)
            self._due.put(TOTALS, Rank.TAIL)
        key = Key("site", operator, site)
        self._due.put(key, self._rank(world, key))

    def _note_device(self, world: World, device: str) -> None:
        operator = world.county.operator_of[device]
        if not self._branches.discloses(operator):
            return
        if self._branches.device(world, device):
            self._due.put(Key("summary", operator), Rank.HEAD)
        key = Key("device", operator, device)
        self._due.put(key, self._rank(world, key))

    # ── What it says ─────────────────────────────────────────────────────────────────────────────

    def _made(self, world: World, now_ms: int, key: Key) -> Told | None:
        """The message of a topic, None when it says what it said before."""
        topic = topic_of(self._topics, key)
        if key in self._gone:
            self._gone.discard(key)
            self._shown.pop(key, None)
            return Told(key, topic, b"")
        view = self._project(world, key)
        if view is None:
            return None
        if isinstance(view, SiteView):
            self._watch(key, view)
        bare = _stamped(view, at_ms=0, as_of_ms=None)
        forced = key in self._forced
        self._forced.discard(key)
        changed = self._shown.get(key) != bare
        if not changed and not forced:
            return None
        self._shown[key] = bare
        if changed and key.kind in COUNTED:
            self._revs[key.of] += 1
            view = _stamped(view, rev=self._revs[key.of])
            self._due.put(head_of(key), Rank.TAIL)
        return Told(key, topic, _stamped(view, at_ms=now_ms).model_dump_json().encode())

    def _project(self, world: World, key: Key) -> View | None:
        match key.kind:
            case "site":
                view: View | None = views.site_view(world, key.name)
            case "device":
                view = views.device_view(world, key.name, self._branches.levels[key.of])
            case "page":
                view = self._branches.page(key.of, int(key.name))
            case "open":
                view = views.open_warning(world)
            case _:
                view = self._count(world, key)
        return view

    def _count(self, world: World, key: Key) -> View:
        """A summary or an index."""
        branches, of = self._branches, key.of
        match key.kind:
            case "summary":
                counts = branches.site_counts(of), branches.device_counts(of)
                return views.summary(world, of, *counts)
            case "index":
                return self._index(world, of)
            case "county":
                return views.county_index(world, branches.totals(), self._session, self._every_ms)
        return self._warnings(world)

    def _index(self, world: World, operator: str) -> OperatorIndex:
        sites, devices = self._branches.sizes(operator)
        return OperatorIndex(
            operator=operator,
            disclose=self._branches.levels[operator],
            session=self._session,
            at_ms=0,
            every_ms=self._every_ms,
            as_of_ms=views.fresh_as_of(world, operator),
            sites=sites,
            devices=devices,
            pages=self._branches.pages(operator),
            rev=self._revs[operator],
        )

    def _warnings(self, world: World) -> WarningIndex:
        case = world.desk.case
        return WarningIndex(
            county=self._topics.county,
            tree=self._topics.tree,
            session=self._session,
            at_ms=0,
            every_ms=self._every_ms,
            open=(case.id,) if case else (),
            rev=self._revs[WARNING],
        )

    def _watch(self, key: Key, view: SiteView) -> None:
        """Batteries run down without an alarm's doing: such sites are looked at with each beat."""
        if view.battery_min is not None or view.battery_percent is not None:
            self._batteries.add(key)
        else:
            self._batteries.discard(key)


def _stamped(view: View, **stamps: int | None) -> View:
    """The same view with those of the stamps that it has."""
    fields = type(view).model_fields
    return view.model_copy(update={name: at for name, at in stamps.items() if name in fields})

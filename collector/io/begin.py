"""How a collector begins: read everything, open the store, fold the World up to its last turn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from collector import world as worlds
from collector.base import World
from collector.county import County
from collector.io import rules
from collector.io.backup import origin, settle
from collector.io.configured import Keys, database, load_county, load_keys, open_history
from collector.io.history import History
from collector.io.journal import last_notice_of
from collector.io.restore import Unusable
from collector.io.store import Store
from collector.io.version import software
from collector.model import Input, Reconfigured, Started, Tick
from config.settings import CollectorSettings
from escalation.authority import CHINA
from escalation.effects import Effect
from transport.io import log as logs
from transport.io.clock import Clock
from transport.sign import sign

MOST_LOSSES: Final = 20
"""Losses that are named in the journal; the log has the rest."""


@dataclass
class Opened:
    """What a collector is made of, once everything was read and replayed."""

    settings: CollectorSettings
    clock: Clock
    keys: Keys
    store: Store
    history: History
    world: World
    session: int


def open_collector(settings: CollectorSettings, *, clock: Clock | None = None) -> Opened:
    """Read the configuration, open the store, fold the World up to its last turn.

    Raises ConfigError and KeyFault, before the store is touched. The store itself never keeps a
    collector from starting (FAULTS F13, F23): what is damaged is restored as far as possible, or
    kept aside and begun anew, and the office is told.
    """
    clock = clock or Clock.of(settings.clock)
    county, keys = load_county(settings), load_keys(settings)
    store = Store.open(database(settings), now_s=lambda: clock.wall_ms() // 1000)
    now_ms = max(clock.now_ms(), store.last_ms)
    wanted = Reconfigured(county.hash)
    signed = settings.rules.signed and store.set_aside is None and not store.empty
    if not signed:
        store.keep(county, now_ms)
    back = _world(store, county, now_ms)
    if signed:
        county, wanted = _signed(settings, keys, back.world.newest, county, now_ms)
        store.keep(county, now_ms)
    elif back.world.newest.hash != county.hash:
        wanted = _unasked(settings, keys, back.world.newest, county, now_ms)
    session = store.counter("session")
    opened = Opened(settings, clock, keys, store, open_history(settings), back.world, session)
    _begin(opened, wanted, now_ms, back)
    settle(store.db)
    return opened


@dataclass(frozen=True, slots=True)
class _Back:
    """The World to begin with, and what has to be said about it."""

    world: World
    losses: tuple[str, ...] = ()
    anew: str = ""
    changed: bool = False
    fresh: bool = False


def _world(store: Store, county: County, now_ms: int) -> _Back:
    log = logs.get("collector")
    if store.set_aside is not None:
        log.error("store damaged, set aside", kept=str(store.set_aside))
        return _anew(store, county, now_ms, str(store.set_aside), last_notice_of(store.set_aside))
    if store.empty:
        log.info("new store", county=county.register.county)
        return replace(_anew(store, county, now_ms, "", 0), fresh=True)
    try:
        restored = store.restore()
    except Unusable as fault:
        number = store.last_notice
        kept = store.begin_anew()
        log.error(  # noqa: TRY400  the fault's words say all, its trace is ours
            "no World in the store, begun anew", kept=kept, fault=str(fault)[:2000]
        )
        return _anew(store, county, now_ms, kept, number)
    for note in restored.notes:
        log.warning("restoring", note=note)
    for loss in restored.losses[:MOST_LOSSES]:
        log.error("restored with a loss", loss=loss)
    log.info("restored", inputs=restored.last_input, replayed=restored.replayed)
    losses = (*_from_copy(store), *restored.losses[:MOST_LOSSES])
    return _Back(restored.world, losses, changed=not restored.as_written)


def _from_copy(store: Store) -> tuple[str, ...]:
    """The gap that a restoration leaves, in words (FAULTS F21)."""
    since = origin(store.db)
    if not since:
        return ()
    at = datetime.fromtimestamp(since / 1000, CHINA)
    return (f"restored from a backup of {at:%Y-%m-%d %H:%M:%S}: what came after is not in it",)


def _anew(store: Store, county: County, now_ms: int, kept: str, number: int) -> _Back:
    """A World that has seen nothing, under a new epoch: senders begin again (FAULTS F13)."""
    world = worlds.new(county, store=store.counter("store"), now_ms=now_ms, number=number)
    store.snapshot(world, now_ms)
    return _Back(world, anew=kept)


def _signed(
    settings: CollectorSettings, keys: Keys, inforce: County, files: County, now_ms: int
) -> tuple[County, Reconfigured]:
    """What is in force where changes are signed: the files alone bring nothing into force."""
    log = logs.get("collector")
    found = rules.due(settings, keys.trusted, inforce, now_ms, log)
    if found is not None:
        return found
    if files.hash != inforce.hash:
        log.warning(
            "files differ from the rules in force; wanglou rules submit",
            files=files.hash, in_force=inforce.hash,
        )  # fmt: skip
    return inforce, Reconfigured(inforce.hash)


def _unasked(
    settings: CollectorSettings, keys: Keys, inforce: County, files: County, now_ms: int
) -> Reconfigured:
    """The files come into force though nobody has to sign; it is said where nobody did."""
    found = rules.answered_for(settings, keys.trusted, inforce, files, now_ms)
    if not found.account:
        logs.get("collector").warning(
            "rules changed and nobody signed for it; wanglou rules submit before the start",
            was=inforce.rules, rules=files.rules,
        )  # fmt: skip
    return found


def _begin(opened: Opened, wanted: Reconfigured, now_ms: int, back: _Back) -> None:
    """The first turn of this process: the configuration in force, and that we look again.

    What another version wrote is kept once more in our own words, so that it is read only once.
    """
    given: list[Input] = []
    if opened.world.newest.hash != wanted.config_hash:
        given.append(wanted)
    upto = opened.store.last_input if back.anew else 0
    lost = bool(back.losses or back.anew)
    started = Started(
        opened.session, software(), back.losses, back.anew, upto, lost, lost or back.fresh
    )
    given += [started, Tick()]
    effects: list[Effect] = []
    for one in given:
        effects += worlds.step(opened.world, now_ms, one, opened.store.resolve)
    if opened.world.county.hash != wanted.config_hash:
        opened.store.keep(opened.world.county, now_ms)
    own = opened.keys.own
    opened.store.commit(now_ms, given, effects, lambda notice: sign(notice, "notice", own))
    if back.changed:
        opened.store.snapshot(opened.world, now_ms)

"""How a collector begins: read everything, open the store, fold the World up to its last turn."""

from __future__ import annotations

from dataclasses import dataclass

from collector import world as worlds
from collector.base import World
from collector.county import County
from collector.io.configured import Keys, database, load_county, load_keys, open_history
from collector.io.history import History
from collector.io.store import Store
from collector.model import Input, Reconfigured, Started, Tick
from config.settings import CollectorSettings
from escalation.effects import Effect
from transport.io import log as logs
from transport.io.clock import Clock
from transport.sign import sign


@dataclass
class Opened:
    """What a collector is made of, once everything was read and replayed."""

    settings: CollectorSettings
    keys: Keys
    store: Store
    history: History
    world: World
    session: int


def open_collector(settings: CollectorSettings) -> Opened:
    """Read the configuration, open the store, fold the World up to its last turn.

    Raises ConfigError, KeyFault, StoreDamaged, StoreTooNew, before anything is served.
    """
    clock = Clock.of(settings.clock)
    county, keys = load_county(settings), load_keys(settings)
    store = Store.open(database(settings), now_s=lambda: clock.wall_ms() // 1000)
    world = _world(store, county, clock.now_ms())
    opened = Opened(settings, keys, store, open_history(settings), world, store.counter("session"))
    _begin(opened, county, clock.now_ms())
    return opened


def _world(store: Store, county: County, now_ms: int) -> World:
    log = logs.get("collector")
    store.keep(county, now_ms)
    if store.empty:
        world = worlds.new(county, store=store.counter("store"), now_ms=now_ms)
        store.snapshot(world, now_ms)
        log.info("new store", county=county.register.county)
        return world
    restored = store.restore()
    log.info("restored", inputs=restored.last_input, replayed=restored.replayed)
    return restored.world


def _begin(opened: Opened, county: County, now_ms: int) -> None:
    """The first turn of this process: the configuration in force, and that we look again."""
    given: list[Input] = []
    if opened.world.county.hash != county.hash:
        given.append(Reconfigured(county.hash))
    given += [Started(opened.session), Tick()]
    effects: list[Effect] = []
    now_ms = max(now_ms, opened.store.last_ms)
    for one in given:
        effects += worlds.step(opened.world, now_ms, one, opened.store.resolve)
    own = opened.keys.own
    opened.store.commit(now_ms, given, effects, lambda notice: sign(notice, "notice", own))

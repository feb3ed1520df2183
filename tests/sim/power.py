"""Power cut at any write of the three stores that acknowledge something (FAULTS F12).

One life after the other on the same files: each opens its store, finds everything that a life
before had acknowledged, and works on until the power is cut at a random write or sync. What was not
synced is then lost, wholly or in part, in any order. ``python -m tests.sim.power [CUTS] [SEED]``.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Final

from rich.progress import track

from collector import world as worlds
from collector.io.journal import GENESIS, verify
from collector.io.store import Store
from escalation.io.office_store import Came, OfficeStore
from tests.collector.small import T0, Hand, county, devices
from tests.collector.test_store import Keeper
from tests.sim.disk import Disk, disks
from transport.delivery import Peer, Watermark
from transport.io.outbox import Outbox, Quota, Row
from wire.notice import Notice, Signed
from wire.observation import Outcome

MOST_STEPS: Final = 60
_NOW_S: Final = T0 // 1000
_QUOTAS: Final = {"state": Quota(8_000_000), "sample": Quota(1_000_000, thin=True)}


class Lost(AssertionError):  # noqa: N818  it says what is the case
    """Something acknowledged is not there any more, or a file is damaged."""


def _whole(db: sqlite3.Connection, what: str) -> None:
    (word,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if word != "ok":
        raise Lost(f"{what} is damaged: {word}")


class OutboxLives:
    """The agent's outbox: rows are there until they are acknowledged, and acknowledged for ever."""

    def __init__(self, folder: Path, random: Random) -> None:
        self._path, self._random = folder / "agent.db", random
        self._last = self._acked = self._epoch = 0
        self._bodies: dict[int, bytes] = {}

    def __call__(self) -> None:
        with contextlib.closing(
            Outbox.open(self._path, now_s=lambda: _NOW_S, quotas=_QUOTAS)
        ) as box:
            self._check(box)
            for _ in range(MOST_STEPS):
                self._step(box)

    def _check(self, box: Outbox) -> None:
        _whole(box.db, "the outbox")
        if box.past.set_aside or box.past.lost:
            raise Lost(f"the outbox was begun anew: {box.past}")
        info = box.lane("state")
        if info.epoch != self._epoch and self._epoch:
            raise Lost(f"the lane's epoch is {info.epoch}, it was {self._epoch}")
        if info.highest < self._last or info.acked < self._acked:
            raise Lost(f"{info}, {self._last} were written, {self._acked} acknowledged")
        rows = box.rows("state", info.acked + 1, most=10_000, size=1 << 30)
        if [row.seq for row in rows] != list(range(info.acked + 1, info.highest + 1)):
            raise Lost(f"rows {[row.seq for row in rows]} of {info}")
        for row in rows:
            if row.seq <= self._last and self._bodies[row.seq] not in row.body:
                raise Lost(f"row {row.seq} has another body")
        # What a cut life wrote and nobody acknowledged may be there; from now on it counts.
        self._bodies |= {row.seq: b"" for row in rows if row.seq > self._last}
        self._last, self._acked, self._epoch = info.highest, info.acked, info.epoch

    def _step(self, box: Outbox) -> None:
        if self._random.random() < 0.3 and self._acked < self._last:
            up_to = self._random.randint(self._acked + 1, self._last)
            box.acknowledge("state", up_to, store=1)
            self._acked = up_to
            return
        some = self._random.randint(1, 5)
        texts = [b"%d-%d" % (self._last + n, self._random.getrandbits(64)) for n in range(some)]
        state = [Row("state", T0, text + bytes(self._random.randint(0, 3000))) for text in texts]
        box.append({"state": state, "sample": [Row("sample", T0, bytes(2000), 50)]})
        self._bodies |= {self._last + n: text for n, text in enumerate(texts, 1)}
        self._last += some


class JournalLives:
    """The collector's store: journal, inputs and the World that follows from them."""

    def __init__(self, folder: Path, random: Random) -> None:
        self._path, self._random = folder / "county.db", random
        self._inputs = self._rows = 0
        self._head = GENESIS
        self._hashes: dict[int, str] = {}

    def __call__(self) -> None:
        with contextlib.closing(Store.open(self._path, now_s=lambda: _NOW_S)) as store:
            keeper = self._back(store)
            for _ in range(MOST_STEPS):
                self._step(keeper)

    def _back(self, store: Store) -> Keeper:
        _whole(store.db, "the store")
        if store.set_aside:
            raise Lost("the store was begun anew")
        if store.last_input < self._inputs or store.journal_n < self._rows:
            raise Lost(
                f"the store ends at {store.last_input}, {store.journal_n}, "
                f"not {self._inputs}, {self._rows}"
            )
        rows, _, faults = verify(store.db)
        if faults or (store.journal_n == self._rows and store.journal_head != self._head):
            raise Lost(f"the journal of {rows} rows: {faults}")
        if not store.db.execute("SELECT 1 FROM snapshot").fetchone():
            if self._inputs:
                raise Lost("no snapshot")
            return self._first(store)
        world = store.restore().world
        known = self._hashes.get(store.last_input)
        if known is not None and worlds.state_hash(world) != known:
            raise Lost(f"the World after input {store.last_input} is another one")
        keeper = Keeper(world, now=max(T0, store.last_ms))
        keeper.store = store
        keeper.seqs = {
            peer.sender: world.receiver.mark(peer).seq for peer in world.receiver.peers()
        }
        return keeper

    def _first(self, store: Store) -> Keeper:
        made = county()
        store.keep(made, T0)
        keeper = Keeper(worlds.new(made, store=1, now_ms=T0))
        keeper.store = store
        store.snapshot(keeper.world, T0)
        return keeper

    def _step(self, keeper: Keeper) -> None:
        store = keeper.store
        if self._random.random() < 0.1:
            store.snapshot(keeper.world, keeper.now)
        else:
            keeper.now += self._random.randint(1000, 200_000)
            outcome = self._random.choice((Outcome.NO_ANSWER, Outcome.MEASURED))
            some = self._random.sample(devices("cmcc", *range(1, 11)), 3)
            keeper.looks(outcome, *some)
        self._inputs, self._rows, self._head = store.last_input, store.journal_n, store.journal_head
        self._hashes[store.last_input] = worlds.state_hash(keeper.world)


class OfficeLives:
    """The office client's store: what it receipted it has, once and in order."""

    def __init__(self, folder: Path, random: Random) -> None:
        self._path, self._random = folder / "office.db", random
        self._number = self._mark = 0
        self._notices = list(_notices())

    def __call__(self) -> None:
        with contextlib.closing(OfficeStore(self._path, now_s=_NOW_S)) as store:
            self._check(store)
            for _ in range(MOST_STEPS):
                self._step(store)

    def _check(self, store: OfficeStore) -> None:
        _whole(store.db, "the office's store")
        if store.set_aside:
            raise Lost("the office's store was begun anew")
        numbers = [row[0] for row in store.db.execute("SELECT number FROM notice ORDER BY no")]
        if numbers != list(range(1, len(numbers) + 1)) or len(numbers) < self._number:
            raise Lost(f"notices {numbers}, {self._number} were receipted")
        mark = store.marks().get(_PEER, Watermark(0, 0, 0))
        if mark.seq != len(numbers):
            raise Lost(f"the watermark {mark} is not that of {len(numbers)} notices")
        self._number = len(numbers)

    def _step(self, store: OfficeStore) -> None:
        number = self._number + 1
        like = self._notices[number % len(self._notices)]
        notice = like.model_copy(update={"number": number, "id": f"N-{number}"})
        signed = Signed(context="notice", key="collector", sig="", payload=notice.model_dump_json())
        with store.writing():
            store.add_notice(notice, signed, Came(1, number, T0, 0, reused=False))
            store.write_mark(_PEER, Watermark(1, number, 0))
        self._number = number


_PEER: Final = Peer("collector", "notice")


def _notices() -> Iterator[Notice]:
    """Notices of an outage, to store again and again under new numbers."""
    hand = Hand.of()
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 3, 5))
    hand.pass_s(600)
    yield from hand.notices()


LIVES: Final[dict[str, Callable[[Path, Random], Callable[[], None]]]] = {
    "outbox": OutboxLives,
    "journal": JournalLives,
    "office": OfficeLives,
}


def cut(kind: str, folder: Path, cuts: int, seed: int, *, show: bool = False) -> int:
    """So many cuts of one store; how many unsynced changes were lost. Raises Lost."""
    random = Random(f"{seed}/{kind}")
    lost = 0
    with disks().in_force():
        disk = disks().disk(folder / kind)
        life = LIVES[kind](folder / kind, random)
        for _ in track(range(cuts), kind, disable=not show):
            lost += _one(disk, life, random)
        disk.begin()
        life()
    return lost


def _one(disk: Disk, life: Callable[[], None], random: Random) -> int:
    disk.begin()
    disk.end_after = random.randint(1, 60)
    with contextlib.suppress(sqlite3.Error, OSError):
        life()
        # It got through all its steps: the power goes while nothing is being written.
    lost = disk.cut_power(random)
    disk.part()
    return lost


def main() -> None:
    cuts = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory(prefix="wl-power-") as name:
        for kind in LIVES:
            lost = cut(kind, Path(name), cuts, seed, show=sys.stderr.isatty())
            sys.stdout.write(
                f"{kind}: {cuts} power cuts, {lost} unsynced changes lost, "
                "0 acknowledged commits lost, 0 files damaged\n"
            )


if __name__ == "__main__":
    main()

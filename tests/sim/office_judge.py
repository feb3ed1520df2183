"""The office's side of the judgement: each notice of the journal once, in order; orders once."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson

from escalation.inbox import JUMP
from tests.sim.known import Known, Told

if TYPE_CHECKING:
    from escalation.io.office import Event
    from wire.notice import Notice

PERHAPS: Final = 2
"""What became of an order that the disk refused, or seemed to, or that a store took with it."""


FORGED: Final = frozenset({"replayed", "bad_signature"})
"""Why the office refuses what somebody else put on its line."""


class OfficeJudge:
    """Every notice that was ever journalled, and what the office made of it."""

    def __init__(self, fail: Callable[[str], None], counts: Counter[str]) -> None:
        self._fail = fail
        self._counts = counts
        self.told: list[Told] = []
        self.ordered: dict[str, int] = {}
        self._shown: set[tuple[int, int]] = set()
        self._last = -1
        self._skipped: set[int] = set()
        self.forged = False
        """Somebody puts messages of his own on the office's line (S6)."""

    def journalled(self, known: Known, number: int, at_ms: int) -> None:
        """A notice is in the journal; its number follows, also on what a lost store had said.

        Where no office said in time what it holds, it is above every store there was instead.
        """
        if not (number == known.number + 1 or number - known.number > JUMP):
            self._fail(f"notice {number} follows on {known.number}")
        if any(one.heard and one.number == number for one in self.told):
            self._fail(f"number {number} was given before")
        known.number = number
        known.told.add(len(self.told))
        self.told.append(Told(number, at_ms))

    def commanded(self, known: Known, ident: str) -> None:
        """An order counts once, and in the order in which it was given."""
        place = list(self.ordered).index(ident) if ident in self.ordered else -1
        earlier = list(self.ordered.values())[: max(0, place)]
        if place < 0 or self.ordered[ident] not in {0, PERHAPS} or not all(earlier):
            self._fail(f"order {ident} came out of turn: {self.ordered}")
        self.ordered[ident] = 1
        known.orders.add(ident)

    def store_lost(self, before: Known, after: Known) -> None:
        """What was only in the store may be lost: notices not yet heard, orders carried out."""
        for place in before.told - after.told:
            self.told[place].sure &= self.told[place].heard
        for ident in before.orders - after.orders:
            self.ordered[ident] = PERHAPS
        after.behind = max((one.number for one in self.told if one.heard), default=0)

    def heard(self, event: Event, *, received: bool = False) -> None:
        """What the office client tells its people.

        ``received``: the notice came in a row that counts as received, of an older copy of the
        store. It is shown all the same, and may be before one that was lost on its way then.
        """
        if event.type == "refused":
            self._counts["forged refused"] += 1
            if not self.forged or event.data["reason"] not in FORGED:
                self._fail(f"the office refused: {event.data['reason']}: {event.data['said']}")
        if event.stored is None:
            return
        notice = event.stored.notice
        if (notice.number, notice.at_ms) in self._shown:
            self._fail(f"notice {notice.number} was shown twice")
        place = self._place(notice)
        if place is None:
            self._fail(f"notice {notice.number} is in no journal")
        elif place == self._last:
            return  # heard, and its client ended before it was shown
        elif place < self._last and (place in self._skipped or not self.told[place].sure):
            # Its store was lost, and is back in an older copy, or somebody played it again.
            self._skipped.discard(place)
            self.told[place].heard = True
        elif place > self._last and received:
            between = range(self._last + 1, place)
            self._skipped.update(at for at in between if self.told[at].sure)
            self._counts["shown out of turn"] += any(self.told[at].sure for at in between)
            self._last = place
            self.told[place].heard = True
        elif place < self._last or any(one.sure for one in self.told[self._last + 1 : place]):
            last = self.told[self._last].number if self._last >= 0 else 0
            self._fail(f"notice {notice.number} was shown after {last}")
        else:
            self._last = place
            self.told[place].heard = True

    def knows(self, signed: bytes) -> bool:
        """Whether the office has heard a signed notice, or never will."""
        number = orjson.loads(orjson.loads(signed)["payload"])["number"]
        return any(one.number == number and (one.heard or not one.sure) for one in self.told)

    def shown(self, notice: Notice) -> None:
        self._shown.add((notice.number, notice.at_ms))

    def _place(self, notice: Notice) -> int | None:
        """The notice among all that were journalled; of two of one number the earlier unheard."""
        said = (notice.number, notice.at_ms)
        places = [at for at, one in enumerate(self.told) if (one.number, one.at_ms) == said]
        open_ = [at for at in places if not self.told[at].heard or at == self._last]
        return next(iter(open_ or places), None)

    def finish(self, known: Known, path: Path, pending: int) -> None:
        """The office has every notice, each once; what a lost store said is named; orders came."""
        if known.behind > known.number:
            self._fail(f"nobody named what was said up to {known.behind}, we are at {known.number}")
        if not all(self.ordered.values()):
            self._fail(f"orders never came: {self.ordered}")
        left = [one.number for one in self.told if one.sure and not one.heard]
        if pending or left:
            self._fail(f"the office never had {left[:20]}, {pending} pending")
        with closing(sqlite3.connect(path)) as db:
            held = Counter(db.execute("SELECT number, at_ms FROM notice").fetchall())
        heard = Counter((one.number, one.at_ms) for one in self.told if one.heard)
        if held != heard:
            self._fail(f"the office holds {held - heard} beside, lacks {heard - held}")

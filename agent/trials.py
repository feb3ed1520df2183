"""Which of several credentials fits a device: few samples, one try a minute and device. Pure.

Devices with the same list of credentials are a lot. What fits one is tried first at the others;
otherwise only ``SAMPLES`` of a lot go through the list at a time, so that wrong names do not fill
the logs of a whole network. What fits is remembered until the device refuses it by name, or has
been silent for ``DOUBT`` looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from wire.observation import Outcome

SAMPLES: Final = 3
EVERY_MS: Final = 60_000
DOUBT: Final = 10

KNOWN_TO_IT: Final = frozenset(
    (
        "authorizationError", "noAccess", "emptyView", "notInTimeWindows", "unknownContexts",
        "unavailableContexts", "genErr", "tooBig",
    )
)  # fmt: skip
"""Reasons of a refusal that a device gives to one whom it knows."""


@dataclass(slots=True)
class _Lot:
    """Devices with one list: how many each credential fits, and who is trying."""

    names: tuple[str, ...]
    fits: Counter[str] = field(default_factory=Counter)
    samples: set[str] = field(default_factory=set)

    def best(self) -> str:
        return max(self.names, key=lambda name: self.fits[name])


@dataclass(slots=True)
class _One:
    """One device: what it is asked with, what has failed, when another may be tried."""

    lot: _Lot
    current: str = ""
    fits: bool = False
    failed: bool = False
    silent: int = 0
    next_ms: int | None = None
    tried: set[str] = field(default_factory=set)


class Trials:
    """``lists``: the credentials of each device that has several, by name and in order.

    ``fitting``: what is known to fit from before.
    """

    def __init__(
        self, lists: Mapping[str, tuple[str, ...]], fitting: Mapping[str, str] | None = None
    ) -> None:
        self._devices: dict[str, _One] = {}
        self.renew(lists, fitting or {}, frozenset())

    def renew(
        self,
        lists: Mapping[str, tuple[str, ...]],
        fitting: Mapping[str, str],
        gone: Collection[str],
    ) -> None:
        """Take other lists; what was tried at a device stays known unless it is ``gone``."""
        before, self._devices = self._devices, {}
        lots: dict[tuple[str, ...], _Lot] = {}
        for device, names in lists.items():
            lot = lots.setdefault(names, _Lot(names))
            one = before.get(device)
            if one is None or device in gone or one.lot.names != names:
                one = _One(lot)
                known = fitting.get(device, "")
                if known in names:
                    one.current, one.fits = known, True
            elif device in one.lot.samples:
                lot.samples.add(device)
            one.lot = lot
            self._devices[device] = one
            lot.fits[one.current] += one.fits

    @property
    def fitting(self) -> dict[str, str]:
        """What fits, by device."""
        return {device: one.current for device, one in self._devices.items() if one.fits}

    def choose(self, device: str, now_ms: int) -> str:
        """The credential to ask with now."""
        one = self._devices[device]
        if not one.current:
            self._take(one, one.lot.best(), now_ms)
        elif one.failed and not one.fits and one.next_ms is not None and now_ms >= one.next_ms:
            name = self._another(device, one)
            if name:
                self._take(one, name, now_ms)
        return one.current

    def learn(self, device: str, outcome: Outcome, reason: str) -> bool:
        """What came of a look with the chosen one; whether what fits has changed."""
        one = self._devices.get(device)
        if one is None or not one.current or outcome is Outcome.COULD_NOT_LOOK:
            return False  # of one that left the inventory, or is new in it, nothing was tried
        if outcome is Outcome.MEASURED or (outcome is Outcome.REFUSED and reason in KNOWN_TO_IT):
            one.failed, one.silent = False, 0
            one.tried.clear()
            one.lot.samples.discard(device)
            if one.fits:
                return False
            one.fits = True
            one.lot.fits[one.current] += 1
            return True
        one.failed = True
        if not one.fits:
            return False
        one.silent += 1
        if outcome is Outcome.NO_ANSWER and one.silent < DOUBT:
            return False  # it is rather down than changed
        one.fits, one.silent = False, 0
        one.next_ms = one.next_ms or 0
        one.lot.fits[one.current] -= 1
        one.tried.add(one.current)
        return True

    def _take(self, one: _One, name: str, now_ms: int) -> None:
        one.current, one.failed, one.next_ms = name, False, now_ms + EVERY_MS
        one.tried.add(name)

    def _another(self, device: str, one: _One) -> str:
        """What to try next; empty: stay for now."""
        lot = one.lot
        left = [name for name in lot.names if name not in one.tried]
        fitting = [name for name in left if lot.fits[name]]
        if fitting:
            return max(fitting, key=lambda name: lot.fits[name])
        if not left:  # all have failed: it is another's turn, and later ours again
            lot.samples.discard(device)
            one.tried = {one.current}
            return ""
        if device not in lot.samples and len(lot.samples) >= SAMPLES:
            return ""
        lot.samples.add(device)
        return left[0]

"""Messages of a feed of warnings (CAP 1.2) on their way to the desk: read, judged, journalled."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from collector.base import World
from collector.model import CapSaid
from escalation import cap, feed
from escalation.feed import Place, Read, Word

COUNTY: Final = re.compile(r"\w{1,10}?[县市区旗]")
LINE: Final = 200


def said(world: World, now_ms: int, given: CapSaid) -> None:
    """A message came; whatever it is, it is said what became of it."""
    try:
        alert = cap.parse(given.raw)
    except cap.CapError as fault:
        name = hashlib.sha256(given.raw).hexdigest()[:16]
        world.record("cap", feed=given.feed, message=name, word="refused", why=str(fault)[:LINE])
        return
    read = feed.read(world.county.policy.threat, place_of(world), alert, now_ms)
    ident = alert.sender, alert.identifier
    if read.threat is not None and world.desk.is_over(read.threat.id):
        read = Read(Word.SUPERSEDED, gone=read.gone)
    world.record(
        "cap",
        feed=given.feed,
        sender=ident[0],
        message=ident[1],
        status=alert.status,
        type=alert.kind,
        word=read.word.value,
        at_ms=now_ms,
    )
    made = world.desk.told_by_feed(now_ms, read)
    world.effects.extend(made)
    world.stale_verdict |= bool(made)


def place_of(world: World) -> Place:
    """Where we are, and in a drill its own messages too."""
    register = world.county.register
    drill = world.county.bundle.tree.startswith("drill-")
    return Place(
        county=county_name(world),
        towns={town.code: town.name for town in register.towns},
        statuses=("Actual", "Exercise") if drill else ("Actual",),
    )


def county_name(world: World) -> str:
    """The county's name as the plan's title begins with it; empty where it does not."""
    found = COUNTY.match(world.county.plan.document.title)
    return found[0] if found else ""

"""Warnings from outside: a folder and a real server on loopback, and what the World makes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from collector.io.feeds import Feeds, links
from collector.model import CapSaid, decode_input, encode_input
from config.settings import CapSettings
from tests.collector.small import PLAN, POLICY, T0, Hand, county, register
from tests.collector.test_project import begun, order
from tests.escalation.test_cap import message
from wire.notice import NoticeKind, ThreatWord, Verb

TITLE = PLAN.document.title[:3]


def warning(hand: Hand, **more: str) -> bytes:
    """A message of now, about the small county's first town."""

    def at(hours: float) -> str:
        moment = datetime.fromtimestamp(hand.now / 1000 + hours * 3600, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S+00:00")

    said = {"sent": at(0), "expires": at(6), "areaDesc": "第1镇", "geocode": "140522101"}
    return message(**(said | more))


def feed(hand: Hand, **more: str) -> None:
    hand.turn(CapSaid("test.xml", warning(hand, **more)))


def words(hand: Hand) -> list[object]:
    return [one["word"] for one in hand.records("cap")]


REF = "weather@example.cn,14052241600000_1,2026-11-18T18:00:00+08:00"


def test_a_red_warning_enters_the_projection_with_its_source_and_is_told() -> None:
    hand = begun()
    feed(hand)
    (threat,) = hand.world.desk.threats.values()
    assert threat.entered
    assert threat.source.startswith("cap:weather@example.cn,")
    verdict = hand.verdict()
    assert verdict.projected is not None
    assert verdict.projected.threats == (threat.id,)
    told = [n for n in hand.notices() if "外部预警" in n.subject.zh]
    assert len(told) == 1
    hand.pass_s(6.1 * 3600, step_s=600)
    assert hand.verdict().projected is None
    assert [n for n in hand.notices() if "外部威胁到期" in n.subject.zh]


def test_a_yellow_one_waits_for_a_person_who_enters_or_dismisses_it() -> None:
    hand = begun()
    feed(hand, severity="Moderate")
    (name,) = hand.world.desk.threats
    assert hand.verdict().projected is None
    word = ThreatWord(what="暴雨", towns=("140522101",))
    more = {"state": "partial", "threat": word, "source": "县气象局"}
    assert order(hand, Verb.THREAT, name, "director", **more) == "accepted"
    assert hand.verdict().projected is not None
    feed(hand, severity="Moderate")  # again: a person's word stands
    assert hand.world.desk.threats[name].account == "director"
    assert order(hand, Verb.THREAT, name, "director", state="withdrawn") == "accepted"
    feed(hand, severity="Moderate")
    assert not hand.world.desk.threats
    assert words(hand)[-1] == "superseded"


@pytest.mark.parametrize("kind", ["Cancel", "Update"])
def test_an_update_or_cancel_ends_what_it_refers_to_in_any_order(kind: str) -> None:
    late = begun()
    feed(late)
    feed(late, msgType=kind, identifier="2", references=REF)
    early = begun()
    feed(early, msgType=kind, identifier="2", references=REF)
    feed(early)
    for hand in (late, early):
        names = [t.source.rpartition(",")[2] for t in hand.world.desk.threats.values()]
        assert names == (["2"] if kind == "Update" else [])


def test_what_is_not_in_earnest_or_hostile_is_said_and_changes_nothing() -> None:
    hand = begun()
    feed(hand, status="Exercise")
    feed(hand, status="Test")
    feed(hand, geocode="130000", areaDesc="河北省")
    hand.turn(CapSaid("x", b"<!DOCTYPE a><a/>"))
    assert words(hand) == ["not_actual", "not_actual", "not_ours", "refused"]
    assert not hand.world.desk.threats
    assert not hand.notices()


def test_the_same_message_again_tells_nothing() -> None:
    hand = begun()
    given = CapSaid("a", warning(hand))
    hand.turn(given)
    told = len(hand.notices())
    hand.turn(given)
    hand.turn(given)
    assert len(hand.notices()) == told


def test_a_message_survives_the_store() -> None:
    given = CapSaid("a.xml", b"<alert>\n\x00\xff</alert>")
    assert decode_input(*encode_input(given)) == given


def test_the_shipped_rules_have_a_ground_and_only_red_enters() -> None:
    rules = POLICY.threat.rules
    assert rules
    assert all(rule.src.startswith("prop") for rule in rules)
    assert {s for rule in rules if rule.enters for s in rule.severity} == {"Extreme"}


def test_the_small_countys_towns_are_found_by_the_plans_title() -> None:
    hand = Hand.of(county(register()))
    assert TITLE == "阳城县"
    feed(hand, geocode="", areaDesc="山西省阳城县")
    assert not hand.records("nothing")
    (threat,) = hand.world.desk.threats.values()
    assert len(threat.towns) == 2
    assert threat.at_ms // 1000 == T0 // 1000


# ── Folder and feed ──────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def serving(pages: dict[str, bytes]) -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/away":
            return web.Response(status=302, headers={"Location": "/one"})
        if request.path not in pages:
            return web.Response(status=404)
        return web.Response(body=pages[request.path])

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def looked(**settings: Any) -> list[tuple[str, bytes]]:
    """What two looks hand on."""
    given: list[tuple[str, bytes]] = []
    feeds = Feeds(CapSettings.model_validate(settings), lambda *one: given.append(one))
    await feeds.look()
    await feeds.look()
    return given


async def test_a_folder_hands_on_each_message_once(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(message())
    (tmp_path / "b.cap").write_bytes(message(identifier="2"))
    (tmp_path / "c.txt").write_bytes(b"no")
    assert [name for name, _ in await looked(folder=tmp_path)] == ["a.xml", "b.cap"]
    assert await looked(folder=tmp_path / "gone") == []


async def test_a_feed_of_one_message_or_of_links_on_its_own_host() -> None:
    atom = (
        b'<feed xmlns="http://www.w3.org/2005/Atom"><link href="/self"/>'
        b'<entry><link href="/gone"/></entry>'
        b'<entry><link href="one"/></entry><entry><link rel="self" href="/x"/></entry>'
        b'<entry><link href="http://other.example/two"/></entry></feed>'
    )
    rss = b"<rss><channel><item><link> /one </link></item></channel></rss>"
    pages = {"/one": message(), "/atom": atom, "/rss": rss, "/big": b"x" * 600_000}
    async with serving(pages) as base:
        assert await looked(url=f"{base}/one") == [(f"{base}/one", message())]
        assert await looked(url=f"{base}/atom") == [(f"{base}/one", message())]
        assert await looked(url=f"{base}/rss") == [(f"{base}/one", message())]
        for bad in ("/big", "/gone", "/away"):
            assert await looked(url=base + bad) == []


def test_a_list_with_a_document_type_is_refused() -> None:
    with pytest.raises(ValueError, match="document type"):
        links(b"<!DOCTYPE feed><feed/>", "http://x/")


def test_kinds_of_notice_for_a_feed_are_health() -> None:
    hand = begun()
    feed(hand, severity="Moderate")
    assert {n.notice_kind for n in hand.notices()} == {NoticeKind.HEALTH}

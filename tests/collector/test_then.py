"""Why it was so at a moment: no deadline lies elsewhere than it did then, and a gap is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.explanation import Explanation, Kind, Why
from collector.io.restore import Unusable
from collector.io.segments import Segments, TooEarlyError
from collector.io.store import Store
from collector.io.then import ask, explained
from collector.state import Status
from tests.collector.small import T0, devices
from tests.collector.test_explain import nodes
from tests.collector.test_store import Keeper, begin
from wire.observation import Outcome


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("then") / "county.db"


@pytest.fixture(scope="module")
def keeper(path: Path) -> Iterator[Keeper]:
    """Two operators fall silent one after the other; the collector stops while a hold runs."""
    store = Store.open(path, now_s=lambda: T0 // 1000)
    kept = begin(store)
    kept.pass_s(300)
    kept.looks(Outcome.NO_ANSWER, *devices("cmcc", 1))
    kept.pass_s(600)
    kept.looks(Outcome.NO_ANSWER, *devices("cucc", 1, 2))
    kept.pass_s(100)
    yield kept
    store.close()


def said(path: Path, at_ms: int, target: str) -> Explanation:
    segments = Segments(path)
    try:
        return explained(segments, at_ms, target).found
    finally:
        segments.close()


def all_of(found: Explanation) -> list[Why]:
    return [*nodes(found.why), *(one for why in found.why_not for one in nodes(why))]


@pytest.mark.parametrize("target", ["warning", "cmcc", "cucc", "cmcc-s1", "cmcc-d1", "cucc-d1"])
def test_deadlines_lie_ahead_and_beginnings_behind(keeper: Keeper, path: Path, target: str) -> None:
    for at_ms in range(T0 + 200_000, keeper.now, 77_000):
        found = said(path, at_ms, target)
        assert not found.notes
        for one in all_of(found):
            assert one.since_ms is None or one.since_ms <= at_ms, (at_ms, one)
            assert one.until_ms is None or one.until_ms > at_ms, (at_ms, one)


def test_what_is_left_is_counted_from_that_moment(keeper: Keeper, path: Path) -> None:
    begun = T0 + 300_000
    for past_s, left in ((10, "2分钟"), (70, "1分钟"), (130, "不足1分钟")):
        (alarm,) = (
            one
            for one in all_of(said(path, begun + past_s * 1000, "cmcc-d1"))
            if one.kind is Kind.ALARM
        )
        assert f"（还有{left}）才计入" in alarm.text.zh
    assert keeper.world.state.devices["cmcc-d1"].status is Status.DOWN


def test_where_no_collector_ran_the_deadlines_are_told_as_not_judged(
    keeper: Keeper, path: Path
) -> None:
    at_ms = keeper.now + 3_600_000
    found = said(path, at_ms, "cucc-d1")
    assert "没有运行" in found.notes[0].zh
    (alarm,) = (one for one in all_of(found) if one.kind is Kind.ALARM)
    assert "尚未判定" in alarm.text.zh
    assert "还有" not in alarm.text.zh
    now = said(path, keeper.now, "warning")
    assert said(path, at_ms, "warning").why.text == now.why.text


async def test_a_process_of_its_own_says_the_same(keeper: Keeper, path: Path) -> None:
    at_ms = T0 + 700_000
    assert await ask(path, at_ms, "cmcc") == said(path, at_ms, "cmcc")
    assert await ask(path, at_ms, "nobody") is None
    assert await ask(path, at_ms, "cm\0cc") is None
    with pytest.raises(TooEarlyError) as early:
        await ask(path, T0 - 1, "warning")
    assert early.value.span.last_ms == keeper.now
    with pytest.raises(Unusable):
        await ask(path.with_name("none.db"), at_ms, "warning")

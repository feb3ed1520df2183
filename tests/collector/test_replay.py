"""Replay: unedited it is the journal again; edited it says what would have been told, and when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector import world as worlds
from collector.io import retention
from collector.io.history import HistoryDown, SqliteHistory
from collector.io.restore import milestones
from collector.io.segments import Segments, TooEarlyError
from collector.io.store import Store
from collector.model import Held, OfficeCommand, Row
from collector.replay import Coarse, Difference, Edit, Replay, coarse, crossings, difference, wanted
from config.io.plan import SHIPPED, load_plan
from config.policy import Policy
from tests.collector.small import POLICY, T0, county, devices, register
from tests.collector.test_store import Keeper, begin
from wire.notice import Command, Verb
from wire.observation import Block, Outcome

DAY = retention.DAY_MS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "county.db", now_s=lambda: T0 // 1000)
    yield opened
    opened.close()


def policy(hold_s: int) -> Policy:
    """The shipped one with another delay before a silent device counts."""
    site = POLICY.site.model_copy(update={"out_hold_s": hold_s})
    alarms = tuple(
        one.model_copy(update={"raise_delay_s": hold_s}) if one.id == "device-unreachable" else one
        for one in POLICY.alarms
    )
    return POLICY.model_copy(update={"site": site, "alarms": alarms})


def day(store: Store) -> Keeper:
    """A quiet quarter of an hour, a short outage, a longer one of two operators, its end."""
    keeper = begin(store)
    keeper.pass_s(900)
    keeper.looks(Outcome.NO_ANSWER, *devices("tower", 1))
    keeper.pass_s(240)
    keeper.looks(Outcome.MEASURED, *devices("tower", 1))
    keeper.pass_s(600)
    keeper.looks(Outcome.NO_ANSWER, *devices("cmcc", 1), *devices("cucc", 1))
    keeper.pass_s(900)
    keeper.turn(Held("office", keeper.world.desk.last_number, keeper.world.desk.open_warning or ""))
    keeper.looks(Outcome.MEASURED, *devices("cmcc", 1), *devices("cucc", 1))
    keeper.pass_s(1800)
    return keeper


def replayed(path: Path, edit: Edit, from_ms: int = T0, to_ms: int = 2**60) -> Replay:
    segments = Segments(path)
    try:
        start = segments.world_at(from_ms)
        run = Replay(start.world, from_ms, segments.resolve, edit)
        for at_ms, given in segments.inputs(start.last_input, to_ms):
            run.take(at_ms, given)
        return run
    finally:
        segments.close()


def path_of(tmp_path: Path) -> Path:
    return tmp_path / "county.db"


@pytest.mark.parametrize("from_s", [0, 1000, 1900, 2500])
def test_unedited_it_tells_what_the_journal_has(store: Store, tmp_path: Path, from_s: int) -> None:
    keeper = day(store)
    from_ms = T0 + from_s * 1000
    run = replayed(path_of(tmp_path), Edit(), from_ms)
    segments = Segments(path_of(tmp_path))
    journal = segments.notices(from_ms, 2**60)
    segments.close()
    assert [one.id for one in run.base.told] == list(dict.fromkeys(journal))
    assert run.edited.told == run.base.told
    assert not difference(run)
    assert worlds.state_hash(run.base.world) == worlds.state_hash(keeper.world)
    assert worlds.state_hash(run.edited.world) == worlds.state_hash(keeper.world)


def when(found: Difference, of: str) -> tuple[int | None, int | None]:
    row = next(one for one in found.reached if one.id == of)
    return row.was_ms, row.now_ms


def test_a_shorter_hold_tells_earlier(store: Store, tmp_path: Path) -> None:
    day(store)
    found = difference(replayed(path_of(tmp_path), Edit(policy=policy(60))))
    was, now = when(found, "scenario2")
    assert was is not None
    assert now is not None
    assert was - now == 120_000
    assert found


def test_a_trial_says_what_would_have_rung(store: Store, tmp_path: Path) -> None:
    """An operator in trial is told to nobody; counted in, its outage is a warning."""
    made = register()
    enrolled = (one.model_copy(update={"trial": one.operator == "cucc"}) for one in made.sources)
    keeper = begin(store, county(made.model_copy(update={"sources": tuple(enrolled)})))
    keeper.looks(Outcome.NO_ANSWER, *devices("cucc", *range(1, 11)))
    keeper.pass_s(900)
    found = difference(replayed(path_of(tmp_path), Edit(counted=True)))
    assert found.was == 0
    assert found.now > 0
    was, now = when(found, "scenario2")
    assert was is None
    assert now is not None


def test_a_longer_hold_leaves_the_short_outage_out(store: Store, tmp_path: Path) -> None:
    day(store)
    found = difference(replayed(path_of(tmp_path), Edit(policy=policy(400))))
    gone = [row for row in found.rows if row.now_ms is None]
    assert gone
    assert all(row.key[0] != "health" for row in found.rows)  # what the office holds is not lost
    assert found.now < found.was
    was, now = when(found, "scenario2")
    assert was is not None
    assert now == was + 220_000


def test_the_edit_holds_from_the_first_moment_on(store: Store, tmp_path: Path) -> None:
    """An outage that is already counted is not told anew by milder rules."""
    day(store)
    middle = T0 + 2_300_000
    found = difference(replayed(path_of(tmp_path), Edit(policy=policy(60)), middle))
    assert all(row.key[0] != "incident" for row in found.rows if row.was_ms is None)


def test_an_edited_plan_judges_otherwise(store: Store, tmp_path: Path) -> None:
    day(store)
    edited = tmp_path / "plan.toml"
    text = SHIPPED.read_text(encoding="utf-8")
    old = "when = [{ operators_affected_min = 2 }]"
    assert text.count(old) == 1
    edited.write_text(
        text.replace(old, "when = [{ operators_affected_min = 3 }]"), encoding="utf-8"
    )
    found = difference(replayed(path_of(tmp_path), Edit(plan=load_plan(edited))))
    was, now = when(found, "scenario2")
    assert was is not None
    assert now is None
    assert when(found, "scenario3") == (was, was)
    assert [row.key[:2] for row in found.rows if row.was_ms is None] == [
        ("warning_draft", "scenario3")
    ]


def test_an_edited_register_counts_otherwise(store: Store, tmp_path: Path) -> None:
    day(store)
    books = register()
    sites = tuple(
        one.model_copy(update={"weight": 0.1}) if one.id in {"cmcc-s1", "cucc-s1"} else one
        for one in books.sites
    )
    edit = Edit(register=books.model_copy(update={"sites": sites}))
    found = difference(replayed(path_of(tmp_path), edit))
    assert when(found, "scenario2")[1] is None


def test_an_order_goes_to_its_counterpart_or_is_left_out(store: Store, tmp_path: Path) -> None:
    keeper = day(store)
    first = keeper.notices()[0]
    assert first.devices[0].device == "tower-d1"
    command = Command(
        id="c1", county="140522", tree="live", account="li", verb=Verb.ACK,
        target=first.id, at_ms=keeper.now,
    )  # fmt: skip
    keeper.turn(OfficeCommand(Row("office", "command", 1, 1), command, "li"))
    run = replayed(path_of(tmp_path), Edit(policy=policy(60)))
    assert run.left_out == 0
    run = replayed(path_of(tmp_path), Edit(policy=policy(86_400)))
    assert run.left_out == 1
    assert not run.edited.told


def test_values_that_stand_are_judged_by_an_edited_threshold(store: Store, tmp_path: Path) -> None:
    keeper = begin(store)
    keeper.turn(keeper.reading("cmcc-d1", "temperature", 36.0))
    keeper.pass_s(900)
    begun = keeper.now
    keeper.pass_s(900)
    assert not keeper.notices()
    lower = {"above": 35.0, "clear": 30.0}
    alarms = tuple(
        one.model_copy(update=lower) if one.id == "temperature-high" else one
        for one in POLICY.alarms
    )
    edit = Edit(policy=POLICY.model_copy(update={"alarms": alarms}))
    run = replayed(path_of(tmp_path), edit, begun)
    key = "temperature-high|"
    assert run.edited.world.state.devices["cmcc-d1"].alarms[key].active
    assert key not in run.base.world.state.devices["cmcc-d1"].alarms
    assert not list(coarse(run.base.world.county, run.edited.world.county))  # this one has no step


def test_any_moment_can_be_had_and_equals_what_was_then(store: Store, tmp_path: Path) -> None:
    keeper = begin(store)
    keeper.pass_s(300)
    keeper.looks(Outcome.NO_ANSWER, *devices("cmcc", 1))
    seen: list[tuple[int, str]] = []
    for _ in range(5):
        keeper.pass_s(120)
        seen.append((keeper.now, worlds.state_hash(keeper.world)))
    store.snapshot(keeper.world, keeper.now)
    keeper.pass_s(120)
    segments = Segments(path_of(tmp_path))
    for at_ms, state in seen:
        assert worlds.state_hash(segments.world_at(at_ms).world) == state
    with pytest.raises(TooEarlyError) as caught:
        segments.world_at(T0 - 1)
    assert caught.value.span == (T0, keeper.now)
    segments.close()


def test_days_are_kept_as_milestones_and_reach_as_far_as_the_inputs(
    store: Store, tmp_path: Path
) -> None:
    keeper = begin(store)
    states: list[tuple[int, str]] = []
    for _ in range(30):
        keeper.looks(Outcome.NO_ANSWER, *devices("cmcc", 1))
        keeper.looks(Outcome.MEASURED, *devices("cmcc", 1))
        states.append((keeper.now, worlds.state_hash(keeper.world)))
        keeper.now += DAY
        keeper.turn()
        store.snapshot(keeper.world, keeper.now)
        store.snapshot(keeper.world, keeper.now)  # not twice a day
    kept = [at_ms for _, at_ms in milestones(store.db)]
    recent = [at_ms for at_ms in kept if keeper.now - at_ms < 14 * DAY]
    older = [at_ms for at_ms in kept if at_ms not in recent]
    assert len(recent) == 14
    assert 2 <= len(older) <= 4
    segments = Segments(path_of(tmp_path))
    for at_ms, state in states:
        restored = segments.world_at(at_ms)
        assert worlds.state_hash(restored.world) == state
    assert segments.world_at(states[-1][0]).replayed < 10
    segments.close()

    while retention.forget(store, keeper.now - 10 * DAY, keeper.now):
        pass
    segments = Segments(path_of(tmp_path))
    first = segments.span().first_ms
    assert 9 * DAY <= keeper.now - first <= 12 * DAY
    for at_ms, state in states:
        if at_ms >= first:
            assert worlds.state_hash(segments.world_at(at_ms).world) == state
    with pytest.raises(TooEarlyError):
        segments.world_at(first - 1)
    segments.close()


def test_samples_pass_a_threshold_between_two_values_that_were_said(
    store: Store, tmp_path: Path
) -> None:
    keeper = begin(store)
    keeper.turn(keeper.reading("cmcc-d1", "temperature", 30.0))
    keeper.pass_s(1800)
    lower = {"above": 35.0, "clear": 33.0}
    alarms = tuple(
        one.model_copy(update=lower) if one.id == "temperature-high" else one
        for one in POLICY.alarms
    )
    segments = Segments(path_of(tmp_path))
    start = segments.world_at(T0)
    edit = Edit(policy=POLICY.model_copy(update={"alarms": alarms}))
    run = Replay(start.world, T0, segments.resolve, edit)
    county = run.edited.world.county
    row = Coarse("temperature-high", "temperature", 5.0)
    for at_ms, given in segments.inputs(start.last_input, T0 + 60_000):
        run.take(at_ms, given)
    ((*series, hint),) = wanted(run.edited.world, [row])
    assert (series, hint.above) == (["cmcc-d1", "temperature", ""], 35.0)
    values = (31.0, 34.0, 36.0, 36.5, 34.0, 32.0)
    points = [(T0 + 300_000 + n * 30_000, value) for n, value in enumerate(values)]
    found = list(crossings((series[0], series[1], series[2]), hint, points))
    assert [(one.value, one.bad) for one in found] == [(31.0, False), (36.0, True), (32.0, False)]
    run.samples.extend(one for one in found if one.bad)  # it stays hot
    for at_ms, given in segments.inputs(start.last_input, 2**60):
        if at_ms > T0 + 60_000:
            run.take(at_ms, given)
    segments.close()
    alarm = run.edited.world.state.devices["cmcc-d1"].alarms["temperature-high|"]
    assert alarm.active
    assert alarm.since_ms == T0 + 360_000
    assert county.types["temperature-high"].above == 35.0
    assert not run.base.world.state.devices["cmcc-d1"].alarms


async def test_a_history_is_read_beside_who_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with pytest.raises(FileNotFoundError):
        SqliteHistory(path, read_only=True)
    writer = SqliteHistory(path)
    columns = ((36.0, None),)
    await writer.write([Block(profile="power", metrics=("temperature",), device=("d", "d"),
        instance=("", ""), at_ms=(T0, T0 + 1), columns=columns)])  # fmt: skip
    reader = SqliteHistory(path, read_only=True)
    assert await reader.series("d", "temperature", "", T0, T0 + 1) == [(T0, 36.0)]
    with pytest.raises(HistoryDown, match="readonly"):
        await reader.write([Block(profile="power", metrics=("temperature",), device=("d",),
            instance=("",), at_ms=(T0 + 2,), columns=((36.0,),))])  # fmt: skip
    await reader.close()
    await writer.close()

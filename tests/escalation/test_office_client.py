"""The office client against a real broker, an honest county and a liar."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from escalation.io.office import Event, OfficeClient
from escalation.io.office_keys import Keys
from escalation.io.office_store import OfficeStore
from tests.escalation.county import FULL, PARTIAL, T0, order
from tests.escalation.side import OFFICE, TOPICS, CountySide, county_side, make_keys, settings
from tests.peers import Mosquitto, mosquitto
from transport.io.keys import KeyFault, load_key
from transport.sign import sign
from wire.notice import Notice, Verb

pytestmark = pytest.mark.peers


@dataclass
class Office:
    """A running client and everything that it said."""

    store: OfficeStore
    client: OfficeClient = field(init=False)
    events: list[Event] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, event: Event) -> None:
        self.events.append(event)
        self.moved.set()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not true():
                self.moved.clear()
                await self.moved.wait()

    def ids(self) -> list[str]:
        return [event.data["id"] for event in self.events if event.type == "notice"]

    def reasons(self) -> list[str]:
        return [event.data["reason"] for event in self.events if event.type == "refused"]

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.type == kind]


@contextlib.asynccontextmanager
async def office(folder: Path, port: int) -> AsyncIterator[Office]:
    made = settings(folder, port)
    store = OfficeStore(folder / "state" / "office.db", now_s=1000)
    running = Office(store)
    running.client = OfficeClient(made, store, Keys.load(made), running.hear)
    work = asyncio.create_task(running.client.run())
    try:
        yield running
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        store.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    make_keys(tmp_path)
    with mosquitto(tmp_path) as running:
        yield running


@contextlib.asynccontextmanager
async def both(folder: Path, port: int) -> AsyncIterator[tuple[CountySide, Office]]:
    async with county_side(folder, port) as county, office(folder, port) as here:
        yield county, here


async def drained(county: CountySide) -> None:
    async with asyncio.timeout(60):
        await county.hop.idle.wait()


def numbered(county: CountySide, number: int, *, at_ms: int | None = None) -> Notice:
    """Some notice of the county with a number of our choice."""
    (notice, *_) = (
        effect.notice
        for effect in type(county.desk)(county.desk._charter).assess(T0, PARTIAL)
        if hasattr(effect, "notice")
    )
    at = county.clock.now_ms() if at_ms is None else at_ms
    changed = {"number": number, "id": f"N-{number:06d}", "at_ms": at}
    return notice.model_copy(update=changed)


async def test_notices_are_stored_before_they_are_receipted(
    tmp_path: Path, broker: Mosquitto
) -> None:
    async with both(tmp_path, broker.port) as (county, here):
        told = county.assess(FULL)
        await here.until(lambda: len(here.ids()) == 3)
        await drained(county)
        assert here.ids() == [notice.id for notice in told]
        assert [stored.notice for stored in here.store.latest(10)] == told
        assert county.receipts[-1].seq == 3
        assert county.receipts[-1].office == OFFICE


async def test_a_forged_notice_is_refused_and_the_true_one_still_comes(
    tmp_path: Path, broker: Mosquitto
) -> None:
    async with both(tmp_path, broker.port) as (county, here):
        await here.until(lambda: bool(here.of("link")))
        true = numbered(county, 1)
        forged = county.signed(true, county.stranger)
        await county.inject(forged, seq=1)
        await here.until(lambda: here.reasons() == ["unknown_key"])
        altered = county.signed(true).replace(b"scenario3", b"scenario1")
        await county.inject(altered, seq=1)
        await here.until(lambda: here.reasons() == ["unknown_key", "bad_signature"])
        receipt = sign(true, "receipt", county.key).model_dump_json().encode()
        await county.inject(receipt, seq=1)
        await here.until(lambda: here.reasons()[2:] == ["wrong_context"])
        assert here.ids() == []
        assert not [receipt for receipt in county.receipts if receipt.seq]
        county.queue(county.signed(true))
        await here.until(lambda: here.ids() == ["N-000001"])
        await drained(county)
        kept = list((tmp_path / "state" / "refused").glob("*.refused"))
        assert len(kept) == 3


async def test_a_notice_for_somebody_else_is_refused(tmp_path: Path, broker: Mosquitto) -> None:
    async with both(tmp_path, broker.port) as (county, here):
        await here.until(lambda: bool(here.of("link")))
        other = numbered(county, 1).model_copy(update={"recipient": "backup"})
        await county.inject(county.signed(other), seq=1)
        await here.until(lambda: here.reasons() == ["wrong_recipient"])


async def test_a_replay_takes_no_number_from_the_true_row(
    tmp_path: Path, broker: Mosquitto
) -> None:
    async with both(tmp_path, broker.port) as (county, here):
        first = county.signed(numbered(county, 1))
        county.queue(first)
        await here.until(lambda: here.ids() == ["N-000001"])
        await county.inject(first, seq=2)
        await here.until(lambda: here.reasons() == ["replayed"])
        await county.inject(first, seq=1)  # the same row again is no replay: it is receipted
        county.queue(county.signed(numbered(county, 2)))
        await here.until(lambda: here.ids() == ["N-000001", "N-000002"])
        await drained(county)
        assert here.reasons() == ["replayed"]


async def test_rows_numbered_again_are_stepped_over(tmp_path: Path, broker: Mosquitto) -> None:
    async with both(tmp_path, broker.port) as (county, here):
        first = county.signed(numbered(county, 1))
        county.queue(first)
        await here.until(lambda: here.ids() == ["N-000001"])
        epoch = county.outbox.lane("notice").epoch + 5
        await county.inject(first, seq=1, epoch=epoch)
        await county.inject(county.signed(numbered(county, 2)), seq=2, epoch=epoch)
        await here.until(lambda: here.ids() == ["N-000001", "N-000002"])
        assert here.reasons() == []


async def test_rows_out_of_order_are_stored_in_order(tmp_path: Path, broker: Mosquitto) -> None:
    async with both(tmp_path, broker.port) as (county, here):
        await here.until(lambda: bool(here.of("link")))
        one, two = (county.signed(numbered(county, number)) for number in (1, 2))
        await county.inject(two, seq=2)
        await here.until(lambda: any(event.data["again"] for event in here.of("receipt")))
        assert here.ids() == []
        county.queue(one)
        county.queue(two)
        await here.until(lambda: here.ids() == ["N-000001", "N-000002"])


async def test_missing_numbers_are_named_and_filled(tmp_path: Path, broker: Mosquitto) -> None:
    async with both(tmp_path, broker.port) as (county, here):
        for number in (1, 4, 3):
            county.queue(county.signed(numbered(county, number)))
        await here.until(lambda: len(here.ids()) == 3)
        assert [event.data["numbers"] for event in here.of("missing")] == [[2, 3]]
        assert [event.data["filled_hole"] for event in here.of("notice")] == [False, False, True]
        assert here.store.holes() == {2}


async def test_a_hole_at_the_end_is_named_by_the_heartbeat_and_cleared(
    tmp_path: Path, broker: Mosquitto
) -> None:
    async with both(tmp_path, broker.port) as (county, here):
        county.queue(county.signed(numbered(county, 1)))
        await here.until(lambda: here.ids() == ["N-000001"])
        for _ in range(5):
            await county.heartbeat(said=2)
        await here.until(lambda: bool(here.of("missing")))
        await drained(county)
        assert here.store.holes() == {2}
        county.queue(county.signed(numbered(county, 2)))
        await here.until(lambda: bool(here.of("filled")))
        assert [event.data["numbers"] for event in here.of("missing")] == [[2]]
        assert [event.data["filled_hole"] for event in here.of("notice")] == [False, True]
        assert here.of("filled")[0].data["left"] == 0
        assert here.store.holes() == set()


async def test_a_late_notice_is_shown_as_late_and_receipted(
    tmp_path: Path, broker: Mosquitto
) -> None:
    async with both(tmp_path, broker.port) as (county, here):
        late = numbered(county, 1, at_ms=county.clock.now_ms() - 300_000)
        county.queue(county.signed(late))
        future = numbered(county, 2, at_ms=county.clock.now_ms() + 9_000_000)
        county.queue(county.signed(future))  # a wrong clock on this machine refuses nothing
        await here.until(lambda: len(here.ids()) == 2)
        first, second = (event.data["late_ms"] for event in here.of("notice"))
        assert first >= 300_000
        assert second == 0
        await drained(county)


async def test_a_number_used_again_is_shown_and_named(tmp_path: Path, broker: Mosquitto) -> None:
    async with both(tmp_path, broker.port) as (county, here):
        county.queue(county.signed(numbered(county, 1)))
        county.queue(county.signed(numbered(county, 1, at_ms=T0)))
        await here.until(lambda: len(here.ids()) == 2)
        assert [event.data["reused_number"] for event in here.of("notice")] == [False, True]


async def test_a_signed_notice_in_unknown_words_is_named_and_stepped_over(
    tmp_path: Path, broker: Mosquitto
) -> None:
    async with both(tmp_path, broker.port) as (county, here):
        strange = sign(settings(tmp_path, 1), "notice", county.key)
        county.queue(strange.model_dump_json().encode())
        county.queue(county.signed(numbered(county, 1)))
        await here.until(lambda: here.ids() == ["N-000001"])
        assert here.reasons() == ["unreadable"]
        await drained(county)


async def test_a_restarted_client_goes_on_where_it_was(tmp_path: Path, broker: Mosquitto) -> None:
    async with county_side(tmp_path, broker.port) as county:
        async with office(tmp_path, broker.port) as here:
            county.assess(PARTIAL)
            await here.until(lambda: len(here.ids()) == 2)
            await drained(county)
        county.assess(FULL)
        async with office(tmp_path, broker.port) as here:
            await here.until(lambda: len(here.ids()) == 2)
            await drained(county)
            assert here.ids() == ["N-000003", "N-000004"]
            assert len(here.store.latest(10)) == 4


async def test_the_broker_dies_in_between(tmp_path: Path, broker: Mosquitto) -> None:
    async with both(tmp_path, broker.port) as (county, here):
        county.assess(PARTIAL)
        await here.until(lambda: len(here.ids()) == 2)
        broker.restart()
        county.assess(FULL)
        await here.until(lambda: len(here.ids()) == 4)
        await drained(county)
        assert len(set(here.ids())) == 4


async def test_without_heartbeats_the_client_turns_unknown_by_itself_and_back(
    tmp_path: Path, broker: Mosquitto
) -> None:
    async with both(tmp_path, broker.port) as (county, here):

        def states() -> list[str]:
            return [event.data["state"] for event in here.of("health")]

        await here.until(lambda: bool(here.of("link")))
        assert states() == ["waiting"]
        old = await county.heartbeat(every_ms=100)
        await here.until(lambda: states() == ["waiting", "live", "unknown"])
        assert await county.link.publish(TOPICS.heartbeat, old)  # heard before: proves nothing
        forged = sign(here.client._pulse.last or PARTIAL.verdict, "heartbeat", county.stranger)
        assert await county.link.publish(TOPICS.heartbeat, forged.model_dump_json().encode())
        await here.until(lambda: here.reasons() == ["unknown_key"])
        assert states()[-1] == "unknown"
        await county.heartbeat(every_ms=60_000)
        await here.until(lambda: states()[-1] == "live")


async def test_a_person_s_order_goes_out_and_its_answer_comes_back(
    tmp_path: Path, broker: Mosquitto
) -> None:
    async with both(tmp_path, broker.port) as (county, here):
        county.assess(FULL)
        await here.until(lambda: len(here.ids()) == 3)
        target = county.desk.open_warning or ""
        for account, verb, wanted in (
            ("zhang", Verb.ISSUE, "no_role"),
            ("zhang", Verb.PROPOSE, "accepted"),
            ("wang", Verb.ISSUE, "accepted"),
        ):
            command = order(verb, target, account)
            key = load_key(tmp_path / "office", account)
            here.store.add_command(command, sign(command, "command", key), now_s=1000)
            async with asyncio.timeout(60):
                assert await here.client.outcome(command.id) == wanted
        assert [event.data["outcome"] for event in here.of("command")] == [
            "no_role",
            "accepted",
            "accepted",
        ]
        assert county.desk.standing[1].value == "issued"


async def test_an_order_outlives_the_client_and_is_carried_out_once(
    tmp_path: Path, broker: Mosquitto
) -> None:
    command = order(Verb.PROPOSE, "W-20260101-001", "zhang")
    key = load_key(tmp_path / "office", "zhang")
    async with office(tmp_path, broker.port) as here:  # nobody on the county's side yet
        here.store.add_command(command, sign(command, "command", key), now_s=1000)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await here.client.outcome(command.id)
    async with both(tmp_path, broker.port) as (county, here):
        async with asyncio.timeout(60):
            assert await here.client.outcome(command.id) == "unknown_target"
        assert len(county.commands) == 1


def test_without_the_county_s_key_there_is_a_clear_sentence(tmp_path: Path) -> None:
    make_keys(tmp_path)
    (tmp_path / "office" / "trusted" / "collector.pub").unlink()
    with pytest.raises(KeyFault, match=r"collector\.pub is missing"):
        Keys.load(settings(tmp_path, 1))

"""Whatever devices call their parts, what was seen of them fits payloads."""

from __future__ import annotations

from random import Random

import orjson
from pydantic import TypeAdapter

from agent import lanes, samples
from agent.decode import Rows
from config.profile import Metric
from transport.io.outbox import fits
from wire.observation import Reading, Round, SampleBody, StateBody

METRIC = Metric.model_construct(name="celsius", oid="1.3")
STATE = TypeAdapter(StateBody)
SAMPLE = TypeAdapter(SampleBody)


def name(random: Random) -> str:
    return "".join(chr(random.randrange(0x4E00, 0x9FA0)) for _ in range(128))


def test_state_of_a_device_with_long_names_for_everything() -> None:
    random = Random(1)
    items = [
        Reading(device="d", metric="link", instance=name(random), value=number, at_ms=1)
        for number in range(2000)
    ]
    ((body, count),) = lanes.state_bodies(items)
    assert not fits(body)
    parts = lanes.fitting(body, fits)
    assert all(fits(part) for part, _ in parts)
    assert sum(number for _, number in parts) == count == 2000
    assert [one for part, _ in parts for one in STATE.validate_json(part).items] == items


def test_samples_of_many_sensors_with_names_of_their_own() -> None:
    random, lane = Random(2), samples.SampleLane()
    for number in range(10):
        rows = tuple(name(random) for _ in range(500))
        values: list[list[float | int | None]] = [[random.random() for _ in rows]]
        lane.add(f"d{number}", [Rows("p", "t", (METRIC,), rows, values)], 1)
    lane.add_echo("d1", 1.5, 0.0, 1)
    bodies = lane.take()
    parts = [part for body, _ in bodies for part in lanes.fitting(body, fits)]
    assert len(parts) > len(bodies)
    assert all(fits(part) for part, _ in parts)
    assert sum(number for _, number in parts) == sum(number for _, number in bodies) == 5002
    blocks = [block for part, _ in parts for block in SAMPLE.validate_json(part).blocks]
    kept = [one for block in blocks for one in block.instance]
    told = [one for body, _ in bodies for block in orjson.loads(body)["blocks"]
            for one in block["instance"]]  # fmt: skip
    assert kept == told


def test_a_round_that_missed_more_than_fits_names_what_fits() -> None:
    random = Random(3)
    missed = tuple(f"{random.getrandbits(128):032x}" for _ in range(30_000))
    whole = Round(number=1, interval_ms=1, started_ms=1, ended_ms=2, looked=0, missed=missed)
    ((body, _),) = lanes.state_bodies([whole])
    ((part, count),) = lanes.fitting(body, fits)
    (item,) = STATE.validate_json(part).items
    assert isinstance(item, Round)
    assert fits(part)
    assert (count, item.missed) == (1, missed[: len(item.missed)])
    assert len(item.missed) > 5000

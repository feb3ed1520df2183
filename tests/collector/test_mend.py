"""What another version wrote is read as far as it is understood."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, TypeAdapter

from collector import world as worlds
from collector.mend import mended
from tests.collector.small import Hand, devices
from wire.observation import Outcome


class Word(StrEnum):
    GOOD = "good"
    BAD = "bad"


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    name: str
    count: int = 0


@dataclass
class Row:
    word: Word
    note: str = ""
    mark: tuple[int, int] | None = None


@dataclass
class Whole:
    rows: dict[str, Row] = field(default_factory=dict)
    listed: list[Row] = field(default_factory=list)
    one: Strict | None = None
    number: int = 7


WHOLE = TypeAdapter(Whole)


@pytest.mark.parametrize(
    ("document", "expected", "dropped"),
    [
        ({"unknown": 1}, Whole(), []),
        ({"number": "no number"}, Whole(), ["number"]),
        ({"one": {"name": "a", "new": 1}}, Whole(one=Strict(name="a")), ["one.new"]),
        ({"one": {"count": 1}}, Whole(), ["one"]),
        ({"rows": {"a": {"word": "good"}, "b": {}}}, Whole({"a": Row(Word.GOOD)}), ["rows.b"]),
        ({"rows": {"a": {"word": "newer"}}}, Whole(), ["rows.a", "rows.a.word"]),
        (
            {"rows": {"a": {"word": "bad", "mark": [1, 2, 3]}}},
            Whole({"a": Row(Word.BAD)}),
            ["rows.a.mark"],
        ),
        (
            {"listed": [{"word": "x"}, {"word": "bad"}, {}, {"word": "good"}]},
            Whole(listed=[Row(Word.BAD), Row(Word.GOOD)]),
            ["listed.0", "listed.0.word", "listed.2"],
        ),
    ],
)
def test_what_is_not_understood_is_left_out_and_named(
    document: dict[str, Any], expected: Whole, dropped: list[str]
) -> None:
    value, named = mended(WHOLE, orjson.dumps(document))
    assert value == expected
    assert sorted(named) == sorted(dropped)


@pytest.mark.parametrize("raw", [b"[]", b"not JSON", b'{"a":', b""])
def test_what_is_no_document_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        mended(WHOLE, raw)


def _losses(document: Any, dice: random.Random) -> None:
    """Take something away somewhere, or add something that nobody knows."""
    here = document
    while isinstance(here, dict | list) and here:
        key = dice.choice(list(here) if isinstance(here, dict) else range(len(here)))
        inside = here[key]
        if not isinstance(inside, dict | list) or not inside or dice.random() < 0.2:
            match dice.randrange(3):
                case 0 if isinstance(here, dict):
                    del here[key]
                case 1 if isinstance(here, dict):
                    here["of another version"] = {"x": [1]}
                case _:
                    here[key] = {"of another": "version"}
            return
        here = inside


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_a_snapshot_with_losses_anywhere_still_makes_a_world_that_goes_on(seed: int) -> None:
    dice = random.Random(seed)
    hand = Hand.of()
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 3, 5))
    hand.pass_s(400)
    raw = worlds.dump(hand.world)
    document = orjson.loads(raw)
    for part in ("state", "desk"):
        for _ in range(dice.randrange(4)):
            _losses(document[part], dice)
    # Lost watermarks are the delivery's affair: the sender then takes a new epoch.
    document["state"].update(store=1, marks=orjson.loads(raw)["state"]["marks"])
    read = worlds.read(orjson.dumps(document), lambda _: hand.world.county)
    again = Hand(read.world, now=hand.now, seqs=hand.seqs, rounds=hand.rounds)
    again.pass_s(900)
    again.everyone()
    again.pass_s(900)
    assert {again.status(device) for device in devices("cmcc", 1, 3, 5)} == {"ok"}

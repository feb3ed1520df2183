"""Cross-checks on models alone: notes, rings, keys, and what never may be shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.check import Given, check_register, duplicates, rings
from config.check_agent import AgentGiven, check_inventory, unserved
from config.faults import Kind, Place, did_you_mean
from config.inventory import Inventory
from config.io.load import load_inventory, load_plan, load_policy, load_profiles, load_register
from config.io.survey import survey
from config.register import Register

GOOD = Path(__file__).parent / "good"
PLAN = load_plan()
REGISTER = load_register(GOOD / "register", plan=PLAN)
INVENTORY = load_inventory(GOOD / "inventory.toml")


def notes(register: Register, given: Given | None = None) -> list[str]:
    found = check_register(register, given=given)
    assert all(fault.kind is Kind.NOTE for fault in found)
    return [fault.saying.en for fault in found]


@pytest.mark.parametrize(
    ("update", "sentence"),
    [
        (
            {"devices": tuple(d for d in REGISTER.devices if d.id != "d2"), "systems": ()},
            'site "s2" has no device',
        ),
        (
            {"devices": tuple(d.model_copy(update={"main": False}) for d in REGISTER.devices)},
            'site "s1" has no main device',
        ),
        (
            {"sites": tuple(
                s.model_copy(update={"weight": 1.0}) if s.id == "s2" else s for s in REGISTER.sites
            )},
            "1 sites of cmcc have no users and hardly count",
        ),
        ({"sources": REGISTER.sources[:3]}, "tower is not connected: no source"),
        ({"county": "140521"}, "is not of this county's codes"),
        (
            {"contacts": tuple(
                c.model_copy(update={"operator": None}) for c in REGISTER.contacts
            )},
            '"移动公司" names no operator',
        ),
    ],
)  # fmt: skip
def test_what_is_thin_is_noted(update: dict[str, object], sentence: str) -> None:
    assert sentence in notes(REGISTER.model_copy(update=update), Given(PLAN))
    assert sentence not in notes(REGISTER, Given(PLAN))


def test_a_person_needs_a_trusted_key() -> None:
    found = check_register(REGISTER, given=Given(PLAN, keys=frozenset({"boss", "duty2"})))
    (missing,) = [fault for fault in found if "trusted key" in fault.saying.en]
    assert missing.kind is Kind.NOTE
    assert missing.saying.en == 'no trusted key "duty1": no orders until then'
    assert "duty2" in missing.saying.hint


def test_the_inventory_is_held_against_the_register() -> None:
    def at(index: int, name: str) -> Place:
        return Place("inventory.toml", index, name)

    fewer = REGISTER.model_copy(update={"devices": REGISTER.devices[1:]})
    found = check_inventory(INVENTORY, at, at, AgentGiven(register=fewer, operator="cmcc"))
    assert [f.saying.en for f in found] == ['no registered device "d1"']
    some = Inventory(targets=INVENTORY.targets[:1], credentials=INVENTORY.credentials[:1])
    found = check_inventory(some, at, at, AgentGiven(register=REGISTER, operator="cmcc"))
    assert [(f.kind, f.saying.en) for f in found] == [
        (Kind.NOTE, "1 registered devices are not in the inventory, such as d2")
    ]


def test_the_shipped_policy_serves_the_shipped_profiles() -> None:
    assert unserved(load_policy(), load_profiles().values(), lambda _loc: Place("")) == []


graphs = st.dictionaries(
    st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefgh"), max_size=3), max_size=8
)


@given(graphs)
def test_a_ring_is_found_exactly_when_there_is_one(parents: dict[str, list[str]]) -> None:
    found = rings(parents)
    for ring in found:
        for here, there in zip(ring, [*ring[1:], ring[0]], strict=True):
            assert there in parents[here]
    left = dict(parents)
    while True:  # take away what has no parent left: a ring is what stays
        free = [node for node, above in left.items() if not any(up in left for up in above)]
        if not free:
            break
        for node in free:
            del left[node]
    assert bool(found) == bool(left)


def test_a_chain_of_a_hundred_thousand_is_no_recursion() -> None:
    assert rings({str(i): [str(i + 1)] for i in range(100_000)}) == []


@given(st.lists(st.sampled_from("abc")))
def test_each_repetition_is_one_fault(ids: list[str]) -> None:
    faults = duplicates(ids, lambda index: Place("f", index + 1))
    assert len(faults) == len(ids) - len(set(ids))


def test_did_you_mean_looks_past_case() -> None:
    assert "CMCC" in did_you_mean("cmcx", ["CMCC", "tower"])
    assert did_you_mean("zzz", ["CMCC"]) == ""


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    for text in (
        '[[credential]]\nid = "a"\ncommunity = ["canary"]\n',
        '[[credential]]\nid = "a"\ncommunity = "canary\\ncanary"\n',
        '[[credential]]\nid = "a"\ncommunity = "canary"\ncommunity_file = "canary"\n',
    ):
        file = tmp_path / "inventory.toml"
        file.write_text(text, encoding="utf-8")
        result = survey([file])
        assert result.errors
        assert "canary" not in "\n".join(map(str, result.faults))

"""Profiles beside each other: on one device, and at one collector."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.check_agent import AgentGiven
from config.check_profile import clashes, meanings
from config.faults import Place
from config.io.inventory import read_inventory
from config.io.load import load_profiles, read_profiles
from config.profile import Metric, MetricType, Profile

OID = "1.3.6.1.4.1.32473.1"


def profile(name: str, **metric: object) -> Profile:
    one = Metric.model_validate({"name": "voltage", "oid": f"{OID}.1.0", "unit": "V"} | metric)
    return Profile(id=name, title=name, scalars=(one,))


@pytest.mark.parametrize(
    ("other", "clash", "differs"),
    [
        ({}, 0, ""),
        ({"watched": True, "report_delta": 1.0, "object": "x"}, 0, ""),
        ({"oid": f"{OID}.2.0"}, 1, ""),
        ({"scale": 0.1}, 1, ""),
        ({"absent": (0,)}, 1, ""),
        ({"unit": "mV"}, 1, "unit"),
        ({"type": MetricType.TICKS}, 1, "type"),
    ],
)
def test_one_name_means_one_thing(other: dict[str, object], clash: int, differs: str) -> None:
    a, b = profile("a"), profile("b", **other)
    found = clashes([a, b])
    assert len(found) == clash
    if clash:
        assert found[0][1] == "profiles a and b read voltage differently: not both on one device"
    said = meanings((one, lambda loc: Place("f", None, str(loc))) for one in (a, b))
    assert [fault.saying.en for fault in said] == (
        [f'"voltage" of the profile a differs in {differs}: rename'] if differs else []
    )


def test_the_shipped_ones_go_together_on_one_device() -> None:
    assert clashes(list(load_profiles().values())) == []
    assert read_profiles(None)[1] == []


def test_an_inventory_with_clashing_profiles_is_refused_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "inventory.toml"
    file.write_text(
        '[[credential]]\nid = "a"\ncommunity = "x"\n\n[[target]]\ndevice = "d"\n'
        'address = "192.0.2.1"\ncredential = "a"\nprofiles = ["a", "b"]\n'
    )
    known = {"a": profile("a"), "b": profile("b", oid=f"{OID}.2.0")}
    (fault,) = read_inventory(file, AgentGiven(known)).faults
    assert str(fault) == (
        f"{file}:9: target[1].profiles: 模板 a 和 b 的量 voltage 读法不同，不能同用 / "
        "profiles a and b read voltage differently: not both on one device"
    )

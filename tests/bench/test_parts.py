"""The parts do what they say, in small; how long they take is no matter here."""

from __future__ import annotations

from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from bench import carry, ground, latency, town, turns
from config.io.load import load_policy
from config.io.plan import load_plan
from config.io.register import read_register
from drill.children import Children
from drill.county import Kind
from drill.grow import generate


@pytest.mark.parametrize("devices", [1000, 10_000])
def test_the_made_county_has_as_many_devices_as_it_says(devices: int) -> None:
    made = town.register(devices)
    assert abs(len(made.devices) - devices) < 17
    names = {device.id for device in made.devices}
    assert all(set(device.parents) <= names for device in made.devices)


def test_the_files_of_the_made_county_are_read_without_a_fault(tmp_path: Path) -> None:
    place = ground.Ground(tmp_path, Children(tmp_path), 1883)
    place.write_county(town.register(300))
    read = read_register(tmp_path / "register", county=town.CODE, plan=load_plan())
    assert read.faults == ()
    assert read.register is not None
    assert read.register.devices == town.register(300).devices


def test_every_device_is_in_one_inventory_and_every_third_has_interfaces() -> None:
    made = town.register(300)
    rows = [row for operator in town.OPERATORS for row in carry.targets(made, operator)]
    assert len({row[0] for row in rows}) == len({row[1] for row in rows}) == len(made.devices)
    assert sum("interfaces" in row[4] for row in rows) == len(rows) // 3


def test_a_shift_keeps_as_many_devices_down_as_its_pace_says() -> None:
    shift = turns.Shift(1000)
    for _ in range(turns.ONE.down + 5):
        shift.turn(shift.changes())
    situation = shift.world.situation
    assert situation is not None
    down = [fact for fact in situation.devices if fact.state in {"down", "hidden"}]
    assert 220 <= len(down) <= 300


def test_the_policy_of_the_latency_part_has_no_holds(tmp_path: Path) -> None:
    (tmp_path / "collector.toml").write_text('[collector]\nregister = "register"\n')
    files: Any = SimpleNamespace(root=tmp_path, collector=tmp_path / "collector.toml")
    latency._policy(files)
    policy = load_policy(tmp_path / "policy.toml")
    delays = {kind.id: kind.raise_delay_s for kind in policy.alarms}
    assert policy.site.out_hold_s == delays["device-unreachable"] == delays["site-out"] == 0
    assert delays["mains-failure"] == load_policy().alarms[0].raise_delay_s
    assert 'policy = "policy.toml"' in files.collector.read_text()


def test_victims_are_leaves_on_sites_of_their_own() -> None:
    county = generate()
    found = latency.victims(county, 40, Random(1))
    boxes = [county.box[device] for device in found]
    assert len({box.site for box in boxes}) == 40
    assert {box.kind for box in boxes} == {Kind.BBU}
    parents = {parent for box in county.boxes for parent in box.parents}
    assert parents.isdisjoint(found)

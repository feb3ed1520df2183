"""One parent with all behind it goes down, in small, at both; how long it takes is no matter."""

from __future__ import annotations

import asyncio

import orjson

from bench import alertmanager
from bench.alertmanager import Load
from bench.sender import BATCH


def test_all_hangs_on_one_device_and_every_device_is_one_alert() -> None:
    made = alertmanager.register(BATCH + 2)
    roots = [device.id for device in made.devices if not device.parents]
    names = [device.id for device in made.devices]
    assert len(roots) == 1
    assert len(names) == BATCH + 2
    assert {parent for device in made.devices for parent in device.parents} <= set(names)
    bodies = [orjson.loads(body) for body in alertmanager.posts(names)]
    assert [len(body) for body in bodies] == [BATCH, 2]
    labels = [alert["labels"] for body in bodies for alert in body]
    assert [one["device"] for one in labels] == names
    assert [one["device"] for one in labels if one["role"] == "hub"] == roots


def test_both_send_one_notice_that_names_the_cause() -> None:
    figures = asyncio.run(alertmanager.figures(Load(devices=40, hold_s=1, rounds=1)))
    told = [figure for figure in figures if figure.name.endswith("last event to the notice")]
    assert [figure.name.partition(":")[0] for figure in told] == ["Alertmanager", "ours"]
    assert {figure.note for figure in told} == {"notices: 1, devices named in it: 1"}
    assert all(value > 0 for figure in figures for value in figure.rounds if figure.unit != "s")
    assert {figure.unit for figure in figures} == {"s", "MB", "x"}

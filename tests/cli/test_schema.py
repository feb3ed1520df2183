"""``wanglou schema``: every model of the wire has one, and real payloads fit."""

from __future__ import annotations

import inspect
import json
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

import wire
from cli.main import app
from wire.base import Wire
from wire.catalogue import PAYLOADS, TOPICS, schema

RUN = CliRunner()


def test_the_list_names_every_payload_with_its_topics() -> None:
    done = RUN.invoke(app, ["schema"])
    assert done.exit_code == 0
    for name in PAYLOADS:
        assert f"\n{name} " in f"\n{done.stdout}"
    for line in TOPICS:
        assert f" {line.topic}\n" in done.stdout


@pytest.mark.parametrize("name", list(PAYLOADS))
def test_each_is_a_closed_object(name: str) -> None:
    done = RUN.invoke(app, ["schema", name])
    made = json.loads(done.stdout)
    assert made == schema(name)
    assert made["$id"] == f"urn:wanglou:1:{name}"
    root = made["$defs"][made["$ref"].rpartition("/")[2]] if "$ref" in made else made
    assert root["additionalProperties"] is False


def test_all_of_them_into_a_folder(tmp_path: Path) -> None:
    done = RUN.invoke(app, ["schema", "--all", str(tmp_path / "new")])
    assert done.exit_code == 0
    files = list(tmp_path.glob("new/*.schema.json"))
    assert {file.name.removesuffix(".schema.json") for file in files} == PAYLOADS.keys()
    for file in files:
        assert json.loads(file.read_text(encoding="utf-8"))["$schema"].startswith("https://")


def test_an_unknown_name_is_one_sentence() -> None:
    done = RUN.invoke(app, ["schema", "site-vew"])
    assert done.exit_code == 1
    assert 'no payload "site-vew"' in done.stderr
    assert "site-view" in done.stderr


def reached(model: Any, found: set[Any]) -> set[Any]:
    """All wire models that a model's fields are made of."""
    for part in get_args(model) or (model,):
        if get_args(part):
            reached(part, found)
        elif inspect.isclass(part) and issubclass(part, Wire) and part not in found:
            found.add(part)
            for field in part.model_fields.values():
                reached(field.annotation, found)
    return found


def test_no_model_of_the_wire_is_left_out() -> None:
    listed: set[Any] = set()
    for payload in PAYLOADS.values():
        reached(payload.model, listed)
    named = {model.__name__.partition("[")[0] for model in listed} | {"Wire"}
    for module in pkgutil.iter_modules(wire.__path__, "wire."):
        for _, one in inspect.getmembers(import_module(module.name), inspect.isclass):
            if issubclass(one, Wire):
                assert one.__name__.partition("[")[0] in named, f"{one} has no schema"


def test_every_topic_has_a_known_payload() -> None:
    for line in TOPICS:
        assert {line.payload, line.inside or line.payload} <= PAYLOADS.keys()
    assert len({line.topic for line in TOPICS}) == len(TOPICS)

"""``openapi.json`` (OpenAPI 3.1), generated from the models and the table of routes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from collector.web.model import Problem

JSON: Final = "application/json"
_REF: Final = "#/components/schemas/{model}"
_IN_PATH: Final = re.compile(r"\{(\w+)\}")


Keyed = tuple[type[BaseModel], JsonSchemaMode]


@dataclass(frozen=True, slots=True)
class Shape:
    """What one route takes and gives. ``answer`` None: ``media`` says what comes instead."""

    method: str
    path: str
    says: str
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    media: str = JSON


def document(shapes: Iterable[Shape]) -> dict[str, Any]:
    """The whole description."""
    shapes = tuple(shapes)
    taken: list[Keyed] = [(shape.body, "validation") for shape in shapes if shape.body]
    given: list[Keyed] = [(shape.answer, "serialization") for shape in shapes if shape.answer]
    keys: dict[Keyed, None] = dict.fromkeys([*taken, *given])
    keys[Problem, "serialization"] = None
    names, schema = models_json_schema(list(keys), ref_template=_REF)
    refs = {model: names[model, mode] for model, mode in keys}
    paths: dict[str, dict[str, Any]] = {}
    for shape in shapes:
        paths.setdefault(shape.path, {})[shape.method.lower()] = _operation(shape, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Wanglou 望楼",
            "version": "1",
            "description": "Stamps are domain milliseconds UTC. Orders are signed by people's "
            "keys; reading needs none. Headers X-Wanglou-Now and X-Wanglou-Scale tell the domain "
            "time of the answer.",
        },
        "paths": paths,
        "components": {"schemas": schema.get("$defs", {})},
    }


def _operation(shape: Shape, refs: dict[type[BaseModel], Any]) -> dict[str, Any]:
    content: dict[str, Any] = {shape.media: {}}
    if shape.answer is not None:
        content = {JSON: {"schema": refs[shape.answer]}}
    said: dict[str, Any] = {
        "summary": shape.says,
        "responses": {
            "200": {"description": "OK", "content": content},
            "default": {"description": "Refused", "content": {JSON: {"schema": refs[Problem]}}},
        },
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _IN_PATH.findall(shape.path)
    ]
    if shape.query is not None:
        parameters += _query_parameters(shape.query)
    if parameters:
        said["parameters"] = parameters
    if shape.body is not None:
        said["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": refs[shape.body]}},
        }
    return said


def _query_parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    """One parameter per field; several values are joined by commas (``explode: false``)."""
    schema = query.model_json_schema(ref_template=_REF)
    found = []
    for name, field in schema["properties"].items():
        inner = dict(field)
        if "$ref" in str(inner):
            inner = {"type": "array", "items": {"type": "string"}}
        parameter = {"name": name, "in": "query", "required": False, "schema": inner}
        if inner.get("type") == "array":
            parameter |= {"style": "form", "explode": False}
        found.append(parameter)
    return found

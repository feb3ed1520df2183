"""``wanglou schema``: JSON Schemas of everything that goes over MQTT."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def schema(
    name: Annotated[str | None, typer.Argument(help="名称 / a name of the list")] = None,
    everything: Annotated[
        Path | None,
        typer.Option("--all", help="全部写入此目录 / write all of them into this folder"),
    ] = None,
) -> None:
    """报文的 JSON Schema（2020-12）/ a payload's JSON Schema; without a name, which there are."""
    import json

    from wire.catalogue import PAYLOADS, schema, topics_of

    def text(one: str) -> str:
        return json.dumps(schema(one), ensure_ascii=False, indent=2)

    if everything is not None:
        everything.mkdir(parents=True, exist_ok=True)
        for one in PAYLOADS:
            (everything / f"{one}.schema.json").write_text(text(one) + "\n", encoding="utf-8")
        print(f"{len(PAYLOADS)} schemas in {everything}")
    elif name in PAYLOADS:
        print(text(name))
    elif name is not None:
        from config.faults import did_you_mean

        hint = did_you_mean(name, list(PAYLOADS)) or "names: " + ", ".join(PAYLOADS)
        print(f'wanglou schema: no payload "{name}"; {hint}', file=sys.stderr)
        raise typer.Exit(1)
    else:
        for payload in PAYLOADS.values():
            print(f"{payload.name:17} {payload.says}")
            for topic in topics_of(payload.name):
                print(f"{'':17}   {topic}")

"""``wanglou key``: keys as files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="密钥文件 / keys as files: NAME.key, NAME.pub and the folder of trusted ones.",
    no_args_is_help=True,
)


@contextmanager
def _told() -> Iterator[None]:
    """Turn a fault of a key into its sentence and exit code 1."""
    from transport.io.keys import KeyFault

    try:
        yield
    except KeyFault as fault:
        print(f"wanglou key: {fault}", file=sys.stderr)
        raise typer.Exit(1) from fault


Folder = Annotated[Path, typer.Option("--dir", help="密钥目录 / the folder of the keys")]
HERE = Path("keys")


@app.command()
def new(name: Annotated[str, typer.Argument()], folder: Folder = HERE) -> None:
    """生成密钥对 / make NAME.key (keep it) and NAME.pub (hand it out)."""
    from transport.io import keys

    with _told():
        print(keys.new_key(folder, name))


@app.command()
def trust(public: Annotated[Path, typer.Argument()], folder: Folder = HERE) -> None:
    """信任一个公钥 / believe what the owner of a NAME.pub signs; NAME is the key's id."""
    from transport.io import keys

    with _told():
        print(keys.trust(folder, public))


@app.command(name="list")
def list_keys(folder: Folder = HERE) -> None:
    """列出自己的和信任的密钥 / own and trusted keys with their fingerprints."""
    from transport.io import keys

    with _told():
        for known in keys.known(folder):
            print(f"{known.kind:8} {known.id:24} {known.fingerprint}")

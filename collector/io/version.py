"""Which software this is, to the letter: for telling a changed program from a fault of its own."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

ROOMS: Final = ("wire", "transport", "config", "escalation", "collector")
"""The rooms whose code the World is made by."""


@cache
def software() -> str:
    """``RELEASE+DIGEST``: the release, and twelve hex digits over the sources of these rooms."""
    digest = hashlib.sha256()
    above = Path(__file__).parents[2]
    for room in ROOMS:
        for path in sorted((above / room).rglob("*.py")):
            digest.update(f"{path.relative_to(above)}\n".encode())
            digest.update(path.read_bytes())
    try:
        release = version("wanglou")
    except PackageNotFoundError:  # run from its sources
        release = "0"
    return f"{release}+{digest.hexdigest()[:12]}"

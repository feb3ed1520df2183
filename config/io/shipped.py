"""The shipped files, and the hash of a model."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)

DATA: Final = Path(str(files("config"))) / "data"
"""The shipped files."""

PROFILES: Final = DATA / "profiles"


def hashed(model: M) -> M:
    """``model`` with ``hash`` = SHA-256 (hex) over its canonical JSON without the hash.

    Secrets are masked in that JSON, so the hash tells nothing about them.
    """
    canonical = model.model_dump_json(by_alias=True, exclude={"hash"})
    return model.model_copy(update={"hash": hashlib.sha256(canonical.encode()).hexdigest()})

"""Every loader of configuration: file in, strict model out.

All raise ``config.faults.ConfigError`` that carries every fault found.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel

from config.io.toml import build, read_document
from config.policy import Policy

M = TypeVar("M", bound=BaseModel)

DATA: Final = Path(str(files("config"))) / "data"
"""The shipped files."""


def hashed(model: M) -> M:
    """``model`` with ``hash`` = SHA-256 (hex) over its canonical JSON without the hash.

    Secrets are masked in that JSON, so the hash tells nothing about them.
    """
    canonical = model.model_dump_json(by_alias=True, exclude={"hash"})
    return model.model_copy(update={"hash": hashlib.sha256(canonical.encode()).hexdigest()})


def load_policy(path: Path | None = None) -> Policy:
    """The policy in ``path``, or the shipped one."""
    return hashed(build(Policy, read_document(path or DATA / "policy.toml")))

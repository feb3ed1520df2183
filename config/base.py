"""What all configuration models share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """Strict, frozen, closed: an unknown key is a mistake, and NaN is no number."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True
    )

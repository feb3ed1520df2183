"""What the collector may ask of an agent: to look again at once (DESIGN "Decisions taken" 1).

Only what the agent's own inventory holds, rate-limited, and never a word to the device itself
beyond the usual look. It is a wish, not an order: an agent may have it switched off.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from wire.base import Id, Ms, Wire


class LookRequest(Wire):
    """Please look at these devices now; on the agent's topic ``request``, not retained."""

    kind: Literal["look_now"] = "look_now"
    at_ms: Ms
    devices: Annotated[tuple[Id, ...], Field(min_length=1, max_length=100)]

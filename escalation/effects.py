"""What the desk asks the World to do; the desk itself does nothing (STYLE habit 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wire.notice import Notice


@dataclass(frozen=True, slots=True)
class EmitNotice:
    """Put this notice in the outbox of its recipient (``notice.recipient``), lane ``notice``."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class Record:
    """Append to the decision journal. ``data`` is JSON: dict, list, str, int, bool, None.

    Kinds: ``warning`` (a transition), ``draft`` (scenario or level redrafted or suggested down),
    ``incident`` (opened, closed), ``health`` (sources told blind or back), ``command`` (accepted
    or refused, with the evidence at that moment), ``command_repeated``, ``notice`` (told, and
    why), ``reminder``, ``attested`` (a state or fact that a person stated: said, withdrawn,
    superseded, expired), ``threat`` (from outside: entered, proposed, withdrawn, cancelled,
    expired).
    """

    kind: str
    data: dict[str, Any]


Effect = EmitNotice | Record

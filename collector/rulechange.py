"""A change of the rules (plan, policy, register, profiles) as a signed act, and its approval."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from wire.base import Id, Ms, Tally, Wire

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Part = Literal["plan", "policy", "register", "profiles", "settings"]


class RuleChange(Wire):
    """``account`` wants the configuration ``hash`` in place of ``was``, from ``from_ms`` on.

    ``parts`` differ; ``stories`` rule stories were told to it, and those in ``failed`` went
    otherwise than they say.
    """

    kind: Literal["rule_change"] = "rule_change"
    county: Id
    tree: Id
    hash: Hash
    was: Hash
    account: Id
    at_ms: Ms
    from_ms: Ms
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    parts: Annotated[tuple[Part, ...], Field(max_length=5)]
    stories: Tally
    failed: Annotated[tuple[str, ...], Field(max_length=1000)] = ()


class RuleApproval(Wire):
    """A second person's word on a change; ``change`` is the SHA-256 of its signed payload."""

    kind: Literal["rule_approval"] = "rule_approval"
    county: Id
    tree: Id
    change: Hash
    account: Id
    at_ms: Ms

"""Planted faults (``planted``): the simulation must find each of them.

``caught`` says in which run it came to light.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tests.sim.planted import (
    Mutant,
    ack_before_commit,
    arrivals_dropped,
    birth_clears,
    clones_believed,
    commit_in_two,
    deleted_at_publish,
    deletes_beyond,
    epoch_not_checked,
    former_epoch_not_heard,
    gap_not_sent,
    holes_accepted,
    mark_before_notice,
    marks_lost,
    no_dedupe,
    no_retransmission,
    not_synced,
    own_clock_trusted,
    past_not_asked,
    receipt_before_store,
    refusal_ignored,
    replay_tells_again,
    sample_acked_first,
    signature_not_checked,
    sync_errors_ignored,
    timers_lost,
    tokens_not_compared,
    turns_lost_at_reload,
    unknown_is_well,
    window_slips,
)
from tests.sim.run import Result, simulate


@dataclass(frozen=True, slots=True)
class Planted:
    """A mutant, and the faults that bring it to light soon (others would too, later)."""

    plant: Mutant
    faults: tuple[str, ...]


MUTANTS: Final = {
    mutant.__name__: Planted(mutant, tuple(faults))
    for mutant, *faults in (
        (ack_before_commit, "kill_in_write"),
        (receipt_before_store, "kill_in_write", "weather"),
        (no_dedupe, "weather"),
        (epoch_not_checked, "lost"),
        (holes_accepted, "weather"),
        (window_slips, "weather", "broker"),
        (no_retransmission, "weather"),
        (deletes_beyond, "weather", "partition"),
        (deleted_at_publish, "weather", "broker"),
        (gap_not_sent, "broker", "partition"),
        (unknown_is_well, "kill", "partition"),
        (birth_clears, "kill", "broker"),
        (timers_lost, "kill", "terminate"),
        (marks_lost, "kill", "terminate"),
        (replay_tells_again, "kill"),
        (commit_in_two, "kill_at_notice"),
        (not_synced, "power"),
        (sync_errors_ignored, "eio", "kill_in_write"),
        (sample_acked_first, "kill_in_write"),
        (arrivals_dropped, "kill"),
        (refusal_ignored, "refuse"),
        (signature_not_checked, "forge"),
        (own_clock_trusted, "skew", "partition"),
        (mark_before_notice, "office_at_notice"),
        (turns_lost_at_reload, "reload"),
        (clones_believed, "clone"),
        (tokens_not_compared, "old_outbox", "partition"),
        (past_not_asked, "store_gone", "store_old"),
        (former_epoch_not_heard, "store_old"),
    )
}
HOURS: Final = 1.5
SEEDS: Final = range(1, 31)


def caught(name: str, seeds: Iterable[int] = SEEDS) -> Result | None:
    """The first run in which the mutant is caught; None: it never was."""
    planted = MUTANTS[name]
    for seed in seeds:
        result = simulate(seed, seconds=HOURS * 3600, mutant=planted.plant, only=planted.faults)
        if result.violation:
            return result
    return None

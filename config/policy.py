"""Our own numbers: holds, shares, deadlines, each with its ground (``src``).

The plan leaves them open; the file cites for each where it comes from: ``plan``, ``law``, ``std``,
``practice`` or ``prop`` (our proposal). A notice cites the lines that took part (DESIGN
"Decisions taken" 5). Times are seconds, shares are 0..1.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import Annotated

from pydantic import Field

from config.base import Config
from wire.base import Id

Seconds = Annotated[int, Field(ge=0, le=31_536_000)]
Share = Annotated[float, Field(ge=0, le=1)]
Src = Annotated[str, Field(min_length=4, max_length=400)]


class SitePolicy(Config):
    """A site is out after ``out_hold_s`` without an answer; at risk within ``horizon_s``."""

    out_hold_s: Seconds
    out_clear_s: Seconds
    at_risk_horizon_s: Seconds
    src: Src


class CellPolicy(Config):
    """A cell (operator, town) is affected at this share of its weighted sites out."""

    share_out: Share
    min_sites: Annotated[int, Field(ge=1)]
    src: Src


class ShareRule(Config):
    """Raise at ``raise_share`` held ``hold_s``, clear below ``clear_below`` held likewise."""

    raise_share: Share
    hold_s: Seconds
    clear_below: Share
    clear_hold_s: Seconds
    src: Src


class HeldShare(Config):
    share: Share
    hold_s: Seconds = 0
    src: Src


class HeldRule(Config):
    hold_s: Seconds
    src: Src


class UsersRule(Config):
    users: Annotated[int, Field(ge=1)]
    for_s: Seconds
    src: Src


class OperatorPolicy(Config):
    """When an operator's network is partly or wholly affected (PLAN section 4)."""

    partial_share: ShareRule
    partial_town: HeldShare
    partial_users_long: UsersRule
    partial_users_any: UsersRule
    partial_key_unit: HeldRule
    full_share: ShareRule
    full_egress: HeldRule
    full_towns: HeldShare
    min_visible: HeldShare


class WeightedPolicy(Config):
    """From which share of its users out a system of needs ``weighted`` is partial, and full."""

    partial_share: Share = 0.20
    full_share: Share = 0.90
    src: Src = "partial as thresholds: loss >= 20 %; full is prop, as operator.full_share"


class SystemPolicy(Config):
    full: HeldRule
    partial: HeldRule
    weighted: WeightedPolicy = Field(default_factory=WeightedPolicy)


class SpreadPolicy(Config):
    """PLAN section 3, all numbers proposed."""

    step_s: Seconds
    window_s: Seconds
    quiet_s: Seconds
    min_growth_steps: Annotated[int, Field(ge=1)]
    min_sight: Share
    overdue_s: Seconds
    battery_horizon_s: Seconds
    src: Src


class FlapPolicy(Config):
    """Changes too quick to be news (``collector.flapping``, after RFC 2439).

    Each change adds one to a penalty that halves in ``window_s``; ``transitions`` quick ones begin
    flapping. It is over once the penalty is down to one change, at most ``hold_s`` after the last.
    """

    transitions: Annotated[int, Field(ge=2)]
    window_s: Seconds
    hold_s: Seconds
    src: Src


class Severity(StrEnum):
    """X.733 perceived severities that an alarm type may carry (cleared is a flag)."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    WARNING = "warning"


class SeverityHold(Config):
    """How long a condition of this severity must last before it is raised, and be gone to clear."""

    raise_s: Seconds
    clear_s: Seconds


class SeverityHolds(Config):
    """Delays of alarm types that have none of their own, by severity."""

    critical: SeverityHold = SeverityHold(raise_s=60, clear_s=20)
    major: SeverityHold = SeverityHold(raise_s=120, clear_s=20)
    minor: SeverityHold = SeverityHold(raise_s=180, clear_s=20)
    warning: SeverityHold = SeverityHold(raise_s=240, clear_s=20)
    src: Src = "std: China Tower B interface 2016-09 (delays by alarm level)"

    def of(self, severity: Severity) -> SeverityHold:
        found: SeverityHold = getattr(self, severity.value)
        return found


class SiteEffect(StrEnum):
    """What an alarm of this type means for its site."""

    NONE = "none"
    AT_RISK = "at_risk"
    OUT = "out"
    UNKNOWN = "unknown"


class AlarmType(Config):
    """One row of the alarm table (RFC 8632 type with X.733 cause), from tower_profile.csv.

    Without delays of its own it has those of its severity (``SeverityHolds``).
    ``above`` or ``below`` (with ``clear``, where it ends) replace the thresholds that profiles
    hint at for this type: the policy goes before the profile. ``main_only``: what it says of the
    site counts only where the device is a main one (register), else it is an alarm and no more.
    """

    id: Id
    name_zh: Annotated[str, Field(min_length=1, max_length=100)]
    name_en: Annotated[str, Field(min_length=1, max_length=100)]
    event_type: Annotated[str, Field(max_length=32)]
    probable_cause: Annotated[str, Field(max_length=64)] = ""
    probable_cause_no: Annotated[int, Field(ge=0, le=207)] | None = None
    severity: Severity
    raise_delay_s: Seconds | None = None
    clear_delay_s: Seconds | None = None
    site_effect: SiteEffect = SiteEffect.NONE
    main_only: bool = False
    above: float | None = None
    below: float | None = None
    clear: float | None = None
    src: Src


class SignalMeaning(StrEnum):
    """What a signal that is no alarm says about its site."""

    TIME_LEFT = "time_left"
    CANCELS_AT_RISK = "cancels_at_risk"


class Signal(Config):
    """A row of tower_profile.csv that is no alarm but an input of judgement."""

    id: Id
    name_zh: Annotated[str, Field(min_length=1, max_length=100)]
    name_en: Annotated[str, Field(min_length=1, max_length=100)]
    meaning: SignalMeaning
    src: Src


class TimePolicy(Config):
    """Clocks of the office (PLAN section 5)."""

    downgrade_hold_s: Seconds
    warning_expires_s: Seconds
    renew_before_s: Seconds
    attested_state_s: Seconds
    unknown_overdue_operator_s: Seconds
    unknown_overdue_system_s: Seconds
    unknown_overdue_spread_s: Seconds
    blind_notice_s: Seconds
    src: Src


class RemindPolicy(Config):
    """Reminders of what nobody acknowledges: first after its limit, then ever more slowly.

    Each interval is the one before it times ``factor``, up to ``most_s``; reminders never end
    while a draft stands open.
    """

    factor: Annotated[int, Field(ge=1, le=10)] = 2
    most_s: Annotated[int, Field(ge=60, le=86_400)] = 3600
    src: Src = "prop: doubling up to one hour (ISA-18.2: load on people)"


class NoticePolicy(Config):
    """How the office is told: time to acknowledge, folding, and the limit against floods.

    ``ack_s`` is per scenario and level id; ``ack_other_s`` holds for the rest. Device news of one
    incident leave every ``fold_s``, ever more slowly up to ``fold_most_s``; at most
    ``flood_most`` notices leave in ``flood_window_s``, drafts and decisions apart.
    """

    ack_s: dict[Id, Seconds] = Field(default_factory=dict)
    ack_other_s: Annotated[int, Field(ge=10, le=86_400)] = 1800
    fold_s: Annotated[int, Field(ge=10, le=3600)] = 60
    fold_most_s: Annotated[int, Field(ge=10, le=86_400)] = 900
    flood_most: Annotated[int, Field(ge=3, le=1000)] = 10
    flood_window_s: Annotated[int, Field(ge=60, le=86_400)] = 600
    remind: RemindPolicy = Field(default_factory=RemindPolicy)
    src: Src = "std: ISA-18.2 (flood: more than 10 in 10 min); the rest is prop"


class PurgePolicy(Config):
    """A cleared alarm and its history are forgotten after ``after_s`` (the journal keeps them)."""

    after_s: Annotated[int, Field(ge=3600, le=31_536_000)] = 604_800
    src: Src = "prop: a week, as long as the weekly analysis looks back"


class ShelfPolicy(Config):
    """Shelving (RFC 8632 section 2.6): for ``usual_s`` unless said, at most for ``most_s``."""

    usual_s: Annotated[int, Field(ge=60, le=31_536_000)] = 86_400
    most_s: Annotated[int, Field(ge=60, le=31_536_000)] = 604_800
    src: Src = "prop: ISA-18.2 asks for a limit to shelving and leaves its length to the owner"


class MaintenancePolicy(Config):
    """Maintenance windows that people enter: how long, and how much they may hide.

    ``share_most``: of an operator's weighted sites, with what is reached through them and with
    the windows that overlap; more is refused by name.
    """

    longest_s: Annotated[int, Field(ge=60, le=31_536_000)] = 259_200
    ahead_s: Annotated[int, Field(ge=60, le=31_536_000)] = 31_536_000
    share_most: Share = 0.3
    src: Src = "prop: under it an operator's partial outage (5 %) is still seen beside the work"


Metrics = Annotated[tuple[Id, ...], Field(max_length=20)]


class PowerPolicy(Config):
    """Time to dark: which metrics tell of it, and how far an estimate is to be believed.

    The first metric of each list that a device has counts. ``dark_v``: where the load is shed;
    voltages outside of ``volts_least`` .. ``volts_most`` are of no 48 V string. An interval
    reaches from ``…_low`` to ``…_high`` times the estimate, and ``slack_s`` further. A site
    without mains of which nothing is known for ``unknown_after_s`` counts as dark within the
    horizon (``site.at_risk_horizon_s``).
    """

    minutes: Metrics = ("ups_minutes_remaining",)
    charge: Metrics = ("ups_charge_remaining", "dc_battery_charge")
    volts: Metrics = ("dc_battery_voltage", "dc_voltage", "ups_battery_voltage")
    load: Metrics = ("ups_output_load",)
    generator: Metrics = ("generator_running",)
    fuel_minutes: Metrics = ("generator_fuel_minutes",)
    dark_v: Annotated[float, Field(gt=0)] = 46.0
    volts_least: Annotated[float, Field(gt=0)] = 38.0
    volts_most: Annotated[float, Field(gt=0)] = 60.0
    empty_percent: Annotated[float, Field(ge=0, lt=100)] = 20.0
    slope_points: Annotated[int, Field(ge=3, le=12)] = 3
    slope_least_s: Seconds = 300
    slope_low: Share = 0.4
    slope_high: Annotated[float, Field(ge=1, le=10)] = 1.4
    estimate_low: Share = 0.75
    estimate_high: Annotated[float, Field(ge=1, le=10)] = 1.25
    capacity_low: Share = 0.5
    capacity_high: Annotated[float, Field(ge=1, le=10)] = 1.3
    slack_s: Seconds = 120
    unknown_after_s: Seconds = 900
    src: Src = "prop"

    @cached_property
    def watched(self) -> frozenset[str]:
        """Every metric that moves an estimate."""
        lists = (self.minutes, self.charge, self.volts, self.load, self.generator)
        return frozenset(name for names in (*lists, self.fuel_minutes) for name in names)


class Degree(StrEnum):
    """To what degree a threat may hit what it names."""

    PARTIAL = "partial"
    FULL = "full"


class CapRule(Config):
    """What a message of a feed (CAP 1.2) means: the first rule that fits it.

    ``event``: its event or headline holds one of these words (none: any); ``severity``: it is one
    of these (none: any). ``enters``: it counts in the projection by itself; else it is only
    proposed, and a person signs it or not.
    """

    event: tuple[Annotated[str, Field(min_length=1, max_length=60)], ...] = ()
    severity: tuple[Annotated[str, Field(max_length=20)], ...] = ()
    degree: Degree = Degree.PARTIAL
    spread: bool = False
    enters: bool = False
    src: Src = "prop"


class ThreatPolicy(Config):
    """Threats from outside: they hold for ``valid_s`` unless said otherwise.

    One that begins later counts in the projection from ``ahead_s`` before. ``rules`` say what
    feeds of warnings do; what fits none of them is proposed.
    """

    valid_s: Annotated[int, Field(ge=60, le=604_800)] = 43_200
    ahead_s: Seconds = 86_400
    rules: Annotated[tuple[CapRule, ...], Field(max_length=200)] = ()
    src: Src = "prop"


class Policy(Config):
    """The whole policy. ``hash`` is filled in by the loader."""

    id: Id
    site: SitePolicy
    cell: CellPolicy
    operator: OperatorPolicy
    system: SystemPolicy
    spread: SpreadPolicy
    flap: FlapPolicy
    time: TimePolicy
    notice: NoticePolicy = Field(default_factory=NoticePolicy)
    power: PowerPolicy = Field(default_factory=PowerPolicy)
    threat: ThreatPolicy = Field(default_factory=ThreatPolicy)
    holds: SeverityHolds = Field(default_factory=SeverityHolds)
    purge: PurgePolicy = Field(default_factory=PurgePolicy)
    shelf: ShelfPolicy = Field(default_factory=ShelfPolicy)
    maintenance: MaintenancePolicy = Field(default_factory=MaintenancePolicy)
    alarms: Annotated[tuple[AlarmType, ...], Field(min_length=1)]
    signals: tuple[Signal, ...] = ()
    hash: str = ""

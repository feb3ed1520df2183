"""``wanglou check``: look at files and folders, follow what they name, gather every fault."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from config.check_agent import AgentGiven, check_policy, check_settings, unserved
from config.faults import ConfigError, Fault, Kind, Place, error, note, unreadable
from config.io.credentials import moved
from config.io.inventory import InventoryRead, read_inventory
from config.io.load import (
    profile_faults,
    read_policy,
    read_profile,
    read_profiles,
    resolved,
)
from config.io.plan import SHIPPED
from config.io.register import (
    COUNTY_FILE,
    headed,
    read_register,
    read_register_table,
)
from config.io.shipped import hashed
from config.io.tables import BOOKS, CSV, read_sheets
from config.io.toml import Document, build, read_document
from config.plan import Plan
from config.plancheck import plan_faults
from config.policy import Policy
from config.positions import Loc
from config.profile import Profile
from config.recognise import What, nearest, recognise
from config.register import Register
from config.settings import AgentSettings, CollectorSettings, OfficeSettings
from config.traps import TrapAccess
from config.words import REGISTER, REGISTER_WORDS, TABLES, folded, table_named

MAX_FILES: Final = 10_000
TRUSTED: Final = "trusted"
"""The folder of trusted public keys inside ``keys_dir``."""


@dataclass
class Survey:
    """What was looked at, and every fault and note, in the order of looking."""

    files: dict[str, What] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @property
    def errors(self) -> list[Fault]:
        return [fault for fault in self.faults if fault.kind is not Kind.NOTE]

    @property
    def notes(self) -> list[Fault]:
        return [fault for fault in self.faults if fault.kind is Kind.NOTE]

    @property
    def exit_code(self) -> int:
        """0 sound, 1 an error, 2 a file that cannot be read."""
        if any(fault.kind is Kind.UNREADABLE for fault in self.faults):
            return 2
        return 1 if self.errors else 0


def survey(paths: Iterable[Path]) -> Survey:
    """Look at ``paths`` and all that they name; raises nothing."""
    surveyor = _Surveyor()
    for path in paths:
        surveyor.look(path)
    surveyor.judge()
    result = surveyor.result
    order = {
        file: number for number, file in enumerate(dict.fromkeys(f.file for f in result.faults))
    }
    unique = dict.fromkeys(result.faults)
    result.faults = sorted(unique, key=lambda f: (order[f.file], f.line or 0))
    return result


@dataclass
class _Surveyor:
    result: Survey = field(default_factory=Survey)
    waiting: dict[What, list[tuple[Path, Document | None]]] = field(default_factory=dict)
    done: set[Path] = field(default_factory=set)
    plan: Plan | None = None
    register: Register | None = None
    alarms: dict[str, str] | None = None

    # --- what is it?

    def look(self, path: Path) -> None:
        """Find out what ``path`` is and put it in line; unreadable things are faults at once."""
        try:
            if path.is_dir() and is_register(path):
                self.wait(What.REGISTER, path)
            elif path.is_dir():
                self.look_inside(path)
            elif path.suffix.lower() in CSV | BOOKS:
                self.look_at_table(path)
            else:
                self.look_at_toml(path)
        except ConfigError as problem:
            self.result.files.setdefault(str(path), What.TABLE)
            self.result.faults += problem.faults
        except OSError as problem:
            words = problem.strerror or str(problem)
            self.result.faults.append(
                unreadable(str(path), f"无法读取：{words}", f"cannot be read: {words}")
            )

    def look_inside(self, folder: Path) -> None:
        """Every .toml in ``folder``, the registers and folders of .toml files in it."""
        inside = sorted(folder.iterdir())[:MAX_FILES]
        found = [file for file in inside if file.suffix == ".toml" and file.is_file()]
        found += [f for f in inside if f.suffix.lower() in BOOKS and is_book(f)]
        found += [
            sub for sub in inside if sub.is_dir() and (is_register(sub) or any(sub.glob("*.toml")))
        ]
        for path in found:
            self.look(path)
        if not found:
            zh, en = "文件夹里没有配置文件", "the folder holds no configuration"
            self.result.faults.append(error(Place(str(folder)), zh, en))

    def look_at_table(self, path: Path) -> None:
        if is_book(path):
            self.wait(What.REGISTER, path)
            return
        sheets = [sheet for sheet in read_sheets(path) if sheet.rows]
        tables = {table_named(sheet.name) or headed(sheet) for sheet in sheets}
        if len(tables & set(REGISTER)) > 1:
            self.wait(What.REGISTER, path)
        elif table_named(path.stem) == "targets" or "targets" in tables:
            self.wait(What.INVENTORY, path)
        elif table_named(path.stem) or tables - {None}:
            self.wait(What.TABLE, path)
        elif not sheets:
            raise ConfigError([error(Place(str(path)), "表是空的", "the table is empty")])
        else:
            zh, en = "看不出这是什么表", "is no table that is known here"
            hint = "表名 names: " + "、".join(TABLES)
            raise ConfigError([error(Place(str(path), sheets[0].rows[0].line), zh, en, hint)])

    def look_at_toml(self, path: Path) -> None:
        document = read_document(path)
        what = recognise(document.data)
        if what is None:
            key, hint = nearest(document.data)
            place = document.place((key,)) if key else Place(str(path), 1)
            zh, en = "看不出这是什么配置文件", "is no configuration that is known here"
            raise ConfigError([error(place, zh, en, hint)])
        if what is What.REGISTER:
            self.wait(what, path.parent)
        else:
            self.wait(what, path, document)

    def wait(self, what: What, path: Path, document: Document | None = None) -> None:
        self.waiting.setdefault(what, []).append((path, document))

    # --- is it sound?

    def judge(self) -> None:
        """Judge what waits: what others refer to first."""
        for what in What:
            for path, document in self.waiting.get(what, ()):
                if path.resolve() in self.done:
                    continue
                try:
                    self.one(what, path, document)
                except ConfigError as problem:
                    self.result.faults += problem.faults

    def begin(self, what: What, path: Path) -> None:
        self.done.add(path.resolve())
        self.result.files[str(path)] = what

    def one(self, what: What, path: Path, document: Document | None) -> None:
        self.begin(what, path)
        match what:
            case What.PLAN:
                self.plan = self.judge_plan(path)
            case What.POLICY:
                self.judge_policy(path)
            case What.REGISTER:
                self.judge_register(path, self.plan or _shipped_plan(), None, None)
            case What.TABLE:
                self.result.faults += read_register_table(path, self.plan or _shipped_plan())
            case What.INVENTORY:
                profiles, _ = read_profiles(None)
                self.judge_inventory(path, AgentGiven(profiles, self.register, None))
            case What.PROFILE:
                profile, document = read_profile(path)
                self.result.faults += profile_faults(profile, document, self.known_alarms())
            case What.COLLECTOR:
                self.judge_collector(path, _given(document))
            case What.AGENT:
                self.judge_agent(path, _given(document))
            case What.OFFICE:
                self.judge_office(path, _given(document))

    def judge_plan(self, path: Path) -> Plan | None:
        document = read_document(path)
        plan = build(Plan, document)
        faults = plan_faults(plan, document.place)
        self.result.faults += faults
        return None if any(fault.kind is not Kind.NOTE for fault in faults) else hashed(plan)

    def judge_policy(self, path: Path | None) -> None:
        policy, document = read_policy(path)
        self.alarms = causes_of(policy)
        self.result.faults += check_policy(policy, document.place)
        self.result.faults += unserved(policy, read_profiles(None)[0].values(), document.place)

    def known_alarms(self) -> dict[str, str]:
        if self.alarms is None:
            self.alarms = causes_of(read_policy()[0])
        return self.alarms

    def judge_register(
        self, path: Path, plan: Plan | None, county: str | None, keys: frozenset[str] | None
    ) -> None:
        read = read_register(path, county=county, plan=plan, keys=keys)
        self.result.faults += read.faults
        self.register = read.register

    def judge_inventory(self, path: Path, given: AgentGiven) -> InventoryRead:
        read = read_inventory(path, given)
        self.result.faults += read.faults
        return read

    def judge_profiles(self, folder: Path | None) -> dict[str, Profile]:
        profiles, faults = read_profiles(folder, self.known_alarms())
        self.result.faults += faults
        if folder is not None and folder.is_dir():
            self.done |= {file.resolve() for file in folder.glob("*.toml")}
        return profiles

    # --- settings and what they name

    def judge_collector(self, path: Path, document: Document) -> None:
        settings = resolved(build(CollectorSettings, document), path.parent)
        options, place = settings.collector, document.place
        plan: Plan | None = _shipped_plan()
        if options.plan is not None and self.there(
            Path(options.plan), place(("collector", "plan"))
        ):
            plan = self.follow(What.PLAN, Path(options.plan))
        self.plan = plan
        policy = Path(options.policy) if options.policy is not None else None
        if policy and self.there(policy, place(("collector", "policy"))):
            self.follow(What.POLICY, policy)
        if options.profiles_dir is not None:
            spot = place(("collector", "profiles_dir"))
            if self.there(Path(options.profiles_dir), spot, folder=True):
                self.judge_profiles(Path(options.profiles_dir))
        keys = self.keys(document, Path(options.keys_dir), "collector", options.key)
        for i, office in enumerate(options.offices):
            self.trusted(office.key, keys, place(("collector", "offices", i, "key")))
        register = Path(options.register_path)
        if self.there(register, place(("collector", "register"))):
            self.begin(What.REGISTER, register)
            self.judge_register(register, plan, None, keys)
        self.unsigned(keys, place(("collector", "keys_dir")))
        self.result.faults += check_settings(settings, place, plan, self.register)
        self.named(settings.broker, "broker", document)
        if settings.web is not None:
            self.named(settings.web, "web", document)

    def judge_agent(self, path: Path, document: Document) -> None:
        settings = resolved(build(AgentSettings, document), path.parent)
        options, place = settings.agent, document.place
        folder = Path(options.profiles_dir) if options.profiles_dir is not None else None
        if folder and not self.there(folder, place(("agent", "profiles_dir")), folder=True):
            folder = None
        profiles = self.judge_profiles(folder)
        inventory = Path(options.inventory)
        if self.there(inventory, place(("agent", "inventory"))):
            self.begin(What.INVENTORY, inventory)
            given = AgentGiven(profiles, self.register, options.operator)
            self.judge_inventory(inventory, given)
        if options.key is not None:
            self.there(Path(options.key), place(("agent", "key")))
        access = settings.traps.access if settings.traps is not None else None
        if access is not None and self.there(Path(access), place(("traps", "access"))):
            self.judge_access(Path(access))
        self.result.faults += check_settings(settings, place, self.plan, self.register)
        self.named(settings.broker, "broker", document)

    def judge_access(self, path: Path) -> None:
        """Whose traps are believed."""
        try:
            build(TrapAccess, read_document(path))
        except ConfigError as problem:
            self.result.faults += problem.faults

    def judge_office(self, path: Path, document: Document) -> None:
        settings = resolved(build(OfficeSettings, document), path.parent)
        options, place = settings.office, document.place
        keys = self.keys(document, Path(options.keys_dir), "office", options.key)
        self.trusted(options.collector_key, keys, place(("office", "collector_key")))
        self.result.faults += check_settings(settings, place, None, self.register)
        self.named(settings.broker, "broker", document)

    def follow(self, what: What, path: Path) -> Plan | None:
        """Judge a file that settings name; its faults are its own."""
        self.begin(what, path)
        try:
            if what is What.PLAN:
                return self.judge_plan(path)
            self.judge_policy(path)
        except ConfigError as problem:
            self.result.faults += problem.faults
        return None

    def there(self, path: Path, place: Place, *, folder: bool = False) -> bool:
        """Whether what settings name exists; else an error where they name it."""
        if path.exists() and (path.is_dir() or not folder):
            return True
        zh, en = ("文件夹不存在", "no such folder") if folder else ("文件不存在", "no such file")
        if path.exists():
            zh, en = "不是文件夹", "is no folder"
        self.result.faults.append(moved(unreadable(str(path), zh, en), place))
        return False

    def keys(self, document: Document, folder: Path, table: str, own: str) -> frozenset[str] | None:
        """The ids of the trusted keys; None when there is no folder of keys."""
        loc: Loc = (table, "keys_dir")
        if not self.there(folder, document.place(loc), folder=True):
            return None
        if not (folder / f"{own}.key").is_file():
            place = document.place((table, "key"))
            zh, en = f"没有私钥 {own}.key", f"no private key {own}.key"
            hint = f"运行 run: wanglou key new {own}"
            self.result.faults.append(error(place, zh, en, hint))
        return frozenset(file.stem for file in (folder / TRUSTED).glob("*.pub"))

    def trusted(self, key: str, keys: frozenset[str] | None, place: Place) -> None:
        if keys is not None and key not in keys:
            zh, en = f"没有受信任的公钥“{key}”", f'no trusted key "{key}"'
            hint = f"运行 run: wanglou key trust {key}.pub"
            self.result.faults.append(error(place, zh, en, hint))

    def unsigned(self, keys: frozenset[str] | None, place: Place) -> None:
        """Name the agents whose births and presence are believed without a signature."""
        if self.register is None or keys is None:
            return
        names = [source.agent for source in self.register.sources if source.agent not in keys]
        if names:
            more = f" … ({len(names)})" if len(names) > 5 else ""
            said = ", ".join(names[:5]) + more
            zh = f"没有这些采集代理的受信任公钥，其在线消息不验签：{said}"
            en = f"no trusted key of these agents, so their presence is not verified: {said}"
            hint = "run: wanglou key new AGENT; agent.toml: key; wanglou key trust AGENT.pub"
            self.result.faults.append(note(place, zh, en, hint))

    def named(self, model: BaseModel, table: str, document: Document) -> None:
        """The files that a table of settings names by itself exist."""
        for name in ("password_file", "cafile", "certfile", "keyfile"):
            file = getattr(model, name, None)
            if file is not None:
                self.there(Path(file), document.place((table, name)))


def causes_of(policy: Policy) -> dict[str, str]:
    """The policy's alarm types with their X.733 causes."""
    return {alarm.id: alarm.probable_cause for alarm in policy.alarms}


def is_register(folder: Path) -> bool:
    """Whether ``folder`` holds a register: its ``register.toml``, a table or a workbook of it."""
    if (folder / COUNTY_FILE).is_file():
        return True
    files = [file for file in folder.iterdir() if file.suffix.lower() in CSV | BOOKS]
    return any(is_book(file) or table_named(file.stem) in REGISTER for file in files)


def is_book(file: Path) -> bool:
    """Whether ``file`` is by its name a workbook with the whole register."""
    named = folded(file.stem) in {folded(word) for word in REGISTER_WORDS}
    return file.suffix.lower() in BOOKS and named


def _shipped_plan() -> Plan:
    return build(Plan, read_document(SHIPPED))


def _given(document: Document | None) -> Document:
    assert document is not None
    return document

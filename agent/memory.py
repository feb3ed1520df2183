"""What stays between looks at a device, and what looks at many devices have in common. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from agent import snmp
from agent.layout import Layout, Layouts
from agent.learnt import SCALARS, Words, mark
from agent.query import Access, Query, SnmpLook
from agent.session import Session
from agent.snmp import Template
from agent.usm import KeyRing
from agent.walk import Shape
from config.inventory import SnmpVersion

ASK_AGAIN: Final = 50
"""Looks after which objects that a device did not have are asked for again."""
LAYOUTS: Final = 4
"""Layouts remembered per request, by the size of the reply."""
TEMPLATES: Final = 20_000
SHAPES: Final = 5_000
GROW_AFTER: Final = 20
"""Complete looks after which a table is asked for in larger parts again, twice as large each."""
PATIENCE: Final = 32 * GROW_AFTER
"""The most of such looks: each attempt in vain doubles them."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much one request asks for: varbinds of a GET, and of a GETBULK's reply."""

    get: int = 25
    bulk: int = 60


@dataclass(slots=True, eq=False)
class Step:
    """One request with the layouts of its replies, by their size in octets.

    ``places`` says which scalars of the query it asks for (empty in a table's walk).
    """

    template: Template
    oids: tuple[bytes, ...] = ()
    places: tuple[int, ...] = ()
    layouts: dict[int, Layout] = field(default_factory=dict)

    def remember(self, layout: Layout | None) -> None:
        if layout is None:
            return
        if len(self.layouts) >= LAYOUTS:
            del self.layouts[next(iter(self.layouts))]
        self.layouts[layout.split.size] = layout


@dataclass(slots=True, eq=False)
class TableMemory:
    """One table of one device: repetitions that work, and the steps of its last complete walk.

    ``doubts`` counts looks in a row whose walk was answered only after it asked for less.
    ``used`` are the repetitions of the last complete walk, ``most`` those to begin with; ``width``
    is how many columns are asked for together, 0: all. ``calm`` counts complete looks in a row
    that needed no less, ``patience`` how many of them it takes to ask for more; ``trial``: this
    look does.
    """

    repetitions: int
    steps: list[Step] = field(default_factory=list)
    shape: Shape | None = None
    doubts: int = 0
    most: int = 0
    used: int = 0
    width: int = 0
    calm: int = 0
    patience: int = GROW_AFTER
    trial: bool = False

    def __post_init__(self) -> None:
        self.most = self.used = self.repetitions

    def forget(self) -> None:
        self.steps, self.shape = [], None

    def taught(self, used: int, width: int, patience: int) -> None:
        """Begin with what was found out before a restart."""
        self.repetitions = self.used = min(self.most, used)
        self.width = width
        self.patience = min(max(GROW_AFTER, patience), PATIENCE)

    @property
    def may_grow(self) -> bool:
        """Whether all has been calm for long enough to ask for more again."""
        return self.used < self.most and self.calm >= self.patience

    def begin(self) -> None:
        """A look begins."""
        self.trial = self.may_grow
        if self.trial:
            self.calm = 0
            self.repetitions = min(self.most, 2 * self.used)
            self.forget()

    def less(self, repetitions: int) -> None:
        """Only so many repetitions were answered."""
        self.calm = 0
        self.doubts += 1
        if self.trial:
            self.patience = min(2 * self.patience, PATIENCE)
        if self.trial or self.doubts > 1:
            self.repetitions, self.doubts = repetitions, 0

    def too_big(self, repetitions: int, columns: int) -> bool:
        """The device says that it cannot answer that much; whether there is less to ask for."""
        if repetitions == columns == 1:
            return False
        self.forget()
        if self.trial:
            self.patience, self.trial = min(2 * self.patience, PATIENCE), False
        if repetitions == 1:
            self.width = columns // 2
        self.calm, self.repetitions = 0, max(1, repetitions // 2)
        return True


class Shared:
    """What looks have in common: layouts, encoded requests, the keys of version 3.

    ``seed``: a random number of 64 bits, where the salts begin. ``taught``: what devices taught
    before a restart, until they are asked for the first time.
    """

    def __init__(self, sizes: Sizes | None = None, seed: int = 0) -> None:
        self.sizes = sizes or Sizes()
        self.keys = KeyRing(seed)
        self.layouts = Layouts()
        self.taught: dict[str, Words] = {}
        self._templates: dict[tuple[Access, tuple[bytes, ...], int], Template] = {}
        self._shapes: dict[tuple[object, ...], Shape] = {}

    def shape(self, shape: Shape) -> Shape:
        """The one shape for all tables that are equal in it."""
        if len(self._shapes) > SHAPES:
            self._shapes.clear()
        return self._shapes.setdefault((shape.index, shape.order, shape.cells), shape)

    def template(self, access: Access, oids: tuple[bytes, ...], repetitions: int) -> Template:
        """The request for ``oids``: GET (0 repetitions), GETNEXT in version 1, else GETBULK."""
        key = (access, oids, repetitions)
        known = self._templates.get(key)
        if known is not None:
            return known
        if len(self._templates) > TEMPLATES:
            self._templates.clear()
        if access.version is SnmpVersion.V1:
            pdu = snmp.GETNEXT if repetitions else snmp.GET
            made = snmp.template(snmp.V1, access.community, pdu, oids)
        else:
            pdu = snmp.GETBULK if repetitions else snmp.GET
            version = snmp.V2C if access.user is None else snmp.V3
            made = snmp.template(version, access.community, pdu, oids, repetitions)
        self._templates[key] = made
        return made


class Memory:
    """What is known of one device for one query and access.

    ``absent`` has the scalars that it does not have (their BER tag) or could not tell (0);
    ``steps`` the requests for the others.
    """

    __slots__ = ("absent", "access", "chunk", "looks", "query", "reply_octets", "session", "steps",
                 "tables")  # fmt: skip

    def __init__(self, query: Query, access: Access, shared: Shared) -> None:
        self.query = query
        self.access = access
        self.session = None if access.user is None else Session(access.user, shared.keys)
        self.chunk = shared.sizes.get
        self.absent: dict[int, int] = {}
        self.looks = 0
        self.reply_octets = 512
        self.tables = [
            TableMemory(max(1, shared.sizes.bulk // len(table.columns))) for table in query.tables
        ]
        self.steps: list[Step] = []
        self.cut(shared)

    def teach(self, words: Words, shared: Shared) -> None:
        """Begin with what the device taught before a restart."""
        for query, table in zip(self.query.tables, self.tables, strict=True):
            known = words.get(mark(query.columns))
            if known is not None and known[1] < len(query.columns):
                table.taught(*known)
        (chunk,) = words.get(SCALARS, (self.chunk,))
        if chunk < self.chunk:
            self.chunk = chunk
            self.cut(shared)

    def cut(self, shared: Shared) -> None:
        """Cut the scalars that the device has into requests."""
        self.steps = self.pieces(shared, self.chunk)

    def pieces(self, shared: Shared, most: int, but: Collection[int] = ()) -> list[Step]:
        """Requests of ``most`` objects for the scalars that the device has, ``but`` for some."""
        scalars = self.query.scalars
        wanted = [at for at in range(len(scalars)) if at not in self.absent and at not in but]
        steps = []
        for at in range(0, len(wanted), most):
            places = tuple(wanted[at : at + most])
            oids = tuple(scalars[place] for place in places)
            steps.append(Step(shared.template(self.access, oids, 0), oids, places))
        return steps


def recall(look: SnmpLook, shared: Shared) -> Memory:
    """The look's memory; a new one when query or access changed; absent objects asked anew."""
    memory = look.memory
    if type(memory) is not Memory or memory.query is not look.query or memory.access != look.access:
        memory = look.memory = Memory(look.query, look.access, shared)
        words = shared.taught.pop(look.device, None) if shared.taught else None
        if words is not None:
            memory.teach(words, shared)
    memory.looks += 1
    if memory.absent and (memory.looks % ASK_AGAIN == 0 or not memory.steps):
        memory.absent.clear()
        memory.cut(shared)
    return memory


def words_of(memory: object, sizes: Sizes) -> Words:
    """What a device has taught; nothing when it is asked as all are."""
    if isinstance(memory, SnmpLook):
        memory = memory.memory  # as the pysnmp engine keeps it
    if type(memory) is not Memory:
        return {}
    words = {SCALARS: [memory.chunk]} if memory.chunk < sizes.get else {}
    for query, table in zip(memory.query.tables, memory.tables, strict=True):
        if table.used < table.most or table.width:
            words[mark(query.columns)] = [table.used, table.width, table.patience]
    return words

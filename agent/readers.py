"""Reading a device's scalars, and one of its tables: what to ask next, what a reply means. Pure.

A reader's ``template`` is the request under way, None when it has finished. ``learnt`` takes a
reply that looks as remembered, ``take`` one that was decoded strictly. ``reason`` says why what
was read is not everything, ``refused`` that the device will not answer us at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agent import ber, snmp
from agent.ber import RawValue
from agent.memory import Memory, Shared, Step, TableMemory
from agent.query import Access, TableQuery, TableValues
from agent.snmp import ErrorStatus, Message, Template, status_name
from agent.walk import MAX_ROWS, Walk

FAILED_MOST: Final = 5
"""Objects that a device fails on which one look finds out: each costs a few requests."""
_FOUR_OCTETS: Final = 2**32 - 1
_REFUSALS: Final = frozenset((ErrorStatus.authorizationError, ErrorStatus.noAccess))


class ScalarReader:
    """The scalars of one look. ``values`` and ``tags`` have one entry per scalar of the query."""

    __slots__ = ("_done", "_failed", "_memory", "_most", "_number", "_shared", "_steps", "reason",
                 "refused", "tags", "template", "values")  # fmt: skip

    def __init__(self, memory: Memory, shared: Shared) -> None:
        self._memory = memory
        self._shared = shared
        self._steps = memory.steps
        self._number = 0
        self._most = 0
        self._failed = 0
        self._done: set[int] = set()
        self.values: Sequence[RawValue] | None = None
        self.tags: bytes | bytearray = b""
        self.reason = ""
        self.refused = ""
        self.template: Template | None = memory.steps[0].template if memory.steps else None

    def learnt(self, data: bytes, request_id: int) -> bool:
        """Whether the reply looks as remembered, and then it has been read."""
        step = self._steps[self._number]
        layout = step.layouts.get(len(data))
        if layout is None:
            return False
        values = layout.match(data, (request_id & _FOUR_OCTETS).to_bytes(4, "big"))
        if values is None:
            return False
        self._got(step, values, layout.tags)
        return True

    def take(self, message: Message, data: bytes) -> None:
        """Read a decoded reply."""
        step = self._steps[self._number]
        if message.status:
            self._error(step, message)
        elif tuple(message.oids) == step.oids:
            step.remember(self._shared.layouts.learn(message, data))
            self._got(step, message.values, bytes(message.tags))
        else:
            self._sort(step, message)

    def shrink(self) -> None:
        """A repeat asks the same again."""

    def stop(self, reason: str, *, alive: bool) -> None:  # noqa: ARG002  as a table is stopped
        """Give up on the rest."""
        self.reason = self.reason or reason
        self.template = None

    def _got(self, step: Step, values: Sequence[RawValue], tags: bytes) -> None:
        if len(values) == len(self._memory.query.scalars):
            self.values, self.tags = values, tags
        else:
            known, marks = self._blank()
            for number, place in enumerate(step.places):
                known[place] = values[number]
                marks[place] = tags[number]
        self._number += 1
        more = self._number < len(self._steps)
        self.template = self._steps[self._number].template if more else None

    def _blank(self) -> tuple[list[RawValue], bytearray]:
        """Values and tags that can be filled in part by part."""
        if not isinstance(self.values, list) or not isinstance(self.tags, bytearray):
            count = len(self._memory.query.scalars)
            self.values = [None] * count
            self.tags = bytearray(count)
        for place, tag in self._memory.absent.items():
            self.tags[place] = tag
        if 0 in self._memory.absent.values():
            self.reason = self.reason or ErrorStatus.genErr.name
        return self.values, self.tags

    def _sort(self, step: Step, message: Message) -> None:
        """A reply whose objects are not those asked for, in order: take what it has of them."""
        found = {bind.oid: bind for bind in message.varbinds()}
        binds = [found.get(oid) for oid in step.oids]
        if None in binds:
            self.reason = self.reason or "short_reply"
        self._got(
            step,
            [None if bind is None else bind.value for bind in binds],
            bytes(0 if bind is None else bind.tag for bind in binds),
        )

    def _error(self, step: Step, message: Message) -> None:
        """Ask for less at once, or leave out what the device does not have or cannot tell."""
        memory, status, number = self._memory, message.status, message.index
        named = 1 <= number <= len(step.places)
        if status == ErrorStatus.tooBig and len(step.places) > 1:
            memory.chunk = max(1, len(step.places) // 2)
        elif status == ErrorStatus.noSuchName and named:
            memory.absent[step.places[number - 1]] = ber.NO_SUCH_OBJECT
        elif status == ErrorStatus.genErr and len(step.places) > 1:
            self._most = len(step.places) // 2  # agents exist that name the wrong object, or none
        elif status == ErrorStatus.genErr and step.places:
            memory.absent[step.places[0]] = 0
            self._most = memory.chunk
            self._failed += 1
        else:
            self.refused = status_name(status)
            self.stop(self.refused, alive=True)
            return
        done = self._done
        done |= {place for before in self._steps[: self._number] for place in before.places}
        memory.cut(self._shared)
        if self._most:
            self._steps = memory.pieces(self._shared, min(self._most, memory.chunk), done)
        else:
            self._steps = [step for step in memory.steps if not done.issuperset(step.places)]
        self._number = 0
        self._blank()
        self.template = self._steps[0].template if self._steps else None
        if self._failed >= FAILED_MOST:  # the rest is looked at next time
            self.stop(status_name(status), alive=True)


class TableReader:
    """One table of one look: as learnt, as long as replies look as remembered, else walked."""

    __slots__ = (
        "_access",
        "_memory",
        "_number",
        "_query",
        "_repetitions",
        "_replies",
        "_shared",
        "_tags",
        "_values",
        "_walk",
        "reason",
        "refused",
        "table",
        "template",
    )  # fmt: skip

    def __init__(
        self, query: TableQuery, memory: TableMemory, access: Access, shared: Shared
    ) -> None:
        self._query = query
        self._memory = memory
        self._access = access
        self._shared = shared
        memory.begin()
        self._repetitions = memory.repetitions
        self._walk: Walk | None = None
        self._number = 0
        self._values: tuple[RawValue, ...] = ()
        self._tags = b""
        self._replies: list[tuple[Template, bytes, Message | None]] = []
        self.table: TableValues | None = None
        self.reason = ""
        self.refused = ""
        self.template: Template | None = None
        if memory.shape is not None:
            self.template = memory.steps[0].template
        else:
            self._ask(self._walking())

    def learnt(self, data: bytes, request_id: int) -> bool:
        """Whether the reply looks as remembered, and then it has been read."""
        memory = self._memory
        if self._walk is not None or memory.shape is None:
            return False
        step = memory.steps[self._number]
        layout = step.layouts.get(len(data))
        if layout is None:
            return False
        values = layout.match(data, (request_id & _FOUR_OCTETS).to_bytes(4, "big"))
        if values is None:
            return False
        self._values = self._values + values if self._values else values
        self._tags = self._tags + layout.tags if self._tags else layout.tags
        self._number += 1
        if self._number < len(memory.steps):
            self._replies.append((step.template, data, None))
            self.template = memory.steps[self._number].template
        else:
            memory.doubts = 0
            memory.calm += 1
            columns = len(self._query.columns)
            self.table = memory.shape.table(columns, self._values, self._tags)
            self.template = None
        return True

    def take(self, message: Message, data: bytes) -> None:
        """Read a decoded reply."""
        assert self.template is not None
        walk = self._walking()
        if message.status == ErrorStatus.tooBig and self._memory.too_big(
            self._repetitions, len(walk.asked)
        ):
            self._repetitions, walk.width = self._memory.repetitions, self._memory.width
            self._ask(walk)
            return
        self._replies.append((self.template, data, message))
        _walk_on(walk, message)
        if message.status in _REFUSALS:
            self.refused = walk.reason
        if walk.finished:
            self._finish(walk)
        else:
            self._ask(walk)

    def shrink(self) -> None:
        """Ask for less in the repeat: a large reply may be what is lost on the way."""
        if self._repetitions > 1:
            walk = self._walking()
            self._repetitions //= 2
            self._ask(walk)

    def stop(self, reason: str, *, alive: bool) -> None:
        """Give up: the table is what was read so far.

        ``alive``: the device answered in this look, so that less may be what it takes.
        """
        walk = self._walking()
        walk.reason = reason
        self._finish(walk, alive=alive)

    def _walking(self) -> Walk:
        """The walk; when still on the learnt way, one over the replies of this look so far."""
        if self._walk is None:
            query = self._query
            self._walk = Walk(
                query.columns, self._memory.width, query.after, query.most or MAX_ROWS
            )
            for _, data, _ in self._replies:
                _walk_on(self._walk, self._decoded(data))
        return self._walk

    def _decoded(self, data: bytes) -> Message:
        if self._access.user is not None:
            return snmp.decode_scoped(data).message
        return snmp.decode_message(data)

    def _ask(self, walk: Walk) -> None:
        self.template = self._shared.template(self._access, tuple(walk.oids()), self._repetitions)

    def _finish(self, walk: Walk, *, alive: bool = True) -> None:
        self.table = walk.table()
        self.reason = walk.reason
        self.template = None
        memory = self._memory
        if alive and self._repetitions < memory.repetitions:
            memory.less(self._repetitions)
        elif not walk.reason:
            memory.doubts = 0
            memory.calm += 1
        if walk.reason:
            memory.forget()
            return
        memory.used = self._repetitions
        self._learn(walk)

    def _learn(self, walk: Walk) -> None:
        """Remember a complete walk; when the table has not changed, beside what is known."""
        memory, shape = self._memory, self._shared.shape(walk.shape())
        steps = memory.steps if shape is memory.shape else []
        if [step.template for step in steps] != [template for template, _, _ in self._replies]:
            steps = [Step(template) for template, _, _ in self._replies]
        for step, (_, data, message) in zip(steps, self._replies, strict=True):
            if message is not None or not step.layouts:
                decoded = message or self._decoded(data)
                step.remember(self._shared.layouts.learn(decoded, data))
        memory.steps, memory.shape = steps, shape
        if self.table is not None:
            self.table.index = shape.index
        if not all(step.layouts for step in steps):
            memory.forget()


def _walk_on(walk: Walk, message: Message) -> None:
    """Give the walk a reply, or an error (SNMPv1: noSuchName ends a column)."""
    if not message.status:
        walk.take(message)
    elif message.status != ErrorStatus.noSuchName or not walk.end_column(message.index):
        walk.reason = status_name(message.status)

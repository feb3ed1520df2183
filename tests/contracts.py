"""The purity contract for import-linter: no I/O module outside ``io/``, ``web/``, ``app.py``.

STYLE habit 1: what awaits, reads a clock, a file, a socket or a database lives in an ``io``
folder, a ``web`` folder or ``app.py``. ``cli`` and ``drill`` are shells by nature.
"""

from __future__ import annotations

from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

SHELLS = {"io", "web", "app"}


def is_pure(module: str) -> bool:
    """Whether the module's path has no shell folder in it."""
    return not SHELLS & set(module.split("."))


class PurityContract(Contract):
    """Pure modules import neither the listed externals nor any ``io``, ``web`` or ``app``."""

    rooms = fields.ListField(subfield=fields.StringField())
    forbidden = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001
        rooms = set(self.rooms)  # type: ignore[call-overload]
        forbidden = set(self.forbidden)  # type: ignore[call-overload]
        broken = []
        for module in sorted(graph.modules):
            if module.split(".")[0] not in rooms or not is_pure(module):
                continue
            for imported in sorted(graph.find_modules_directly_imported_by(module)):
                shell = imported.split(".")[0] in rooms and not is_pure(imported)
                if shell or imported.split(".")[0] in forbidden:
                    broken.append(f"{module} imports {imported}")
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        metadata: dict[str, Any] = check.metadata
        for line in metadata["broken"]:
            output.print_error(line)

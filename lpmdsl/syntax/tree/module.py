"""A file as a whole: its header, what it uses, its declarations and its comments."""

from __future__ import annotations

from lpmdsl.records import dataclass
from lpmdsl.source import Source, Span
from lpmdsl.syntax.tree.agents import Agent
from lpmdsl.syntax.tree.behaviours import Behaviour
from lpmdsl.syntax.tree.conditions import Condition
from lpmdsl.syntax.tree.contagion import Contagion
from lpmdsl.syntax.tree.expressions import Expr, Name
from lpmdsl.syntax.tree.interventions import Intervention
from lpmdsl.syntax.tree.networks import Network
from lpmdsl.syntax.tree.observations import Observe
from lpmdsl.syntax.tree.rules import Rule
from lpmdsl.syntax.tree.studies import Calibrate, CheckAlways, CheckQuantity, Compare, Scenario
from lpmdsl.syntax.tree.values import Clock, Parameter, Table


@dataclass(frozen=True, slots=True)
class Header:
    """``model NAME version X.Y`` or ``library NAME version X.Y``; ``kind`` is ``model`` or ``library``."""

    kind: str
    name: Name
    version: str | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class UseItem:
    """``only agent Person``: a kind keyword and a name."""

    kind: str
    name: Name
    span: Span


@dataclass(frozen=True, slots=True)
class Use:
    """``use "lpm/diseases/influenza" version 1.0`` and its settings."""

    path: str
    path_span: Span
    version: str | None
    only: tuple[UseItem, ...]
    alias: Name | None
    settings: tuple[tuple[Name, Expr], ...]
    doc: str
    span: Span


Declaration = (
    Use
    | Clock
    | Parameter
    | Table
    | Agent
    | Network
    | Condition
    | Contagion
    | Observe
    | Intervention
    | Rule
    | Behaviour
    | Calibrate
    | Scenario
    | Compare
    | CheckQuantity
    | CheckAlways
)


@dataclass(frozen=True, slots=True)
class Comment:
    """A ``#`` comment kept for the formatter: the offset where it starts and its text with the ``#``."""

    text: str
    own_line: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Module:
    """One file: its header (None if missing), declarations in written order, comments."""

    source: Source
    header: Header | None
    declarations: tuple[Declaration, ...]
    comments: tuple[Comment, ...]

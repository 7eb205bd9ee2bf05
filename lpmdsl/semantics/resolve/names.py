"""Names: every declaration of a model and of all that it imports, under the name by which the model knows it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lpmdsl.diagnostics import Label, Report, did_you_mean, instead
from lpmdsl.semantics.builtins import GENERATED, RESERVED
from lpmdsl.semantics.resolve.library import Library
from lpmdsl.semantics.resolve.tree_walk import names_in, rename
from lpmdsl.source import Span
from lpmdsl.syntax import tree

GROUPS: dict[type, str] = {
    tree.Parameter: "parameter",
    tree.Table: "table",
    tree.Agent: "agent",
    tree.Network: "network",
    tree.Condition: "condition",
    tree.Observe: "observe",
    tree.Intervention: "intervention",
    tree.Rule: "rule",
    tree.Behaviour: "behaviour",
    tree.Scenario: "scenario",
}
"""The kinds of declaration that have a name, and the word that declares each."""


@dataclass(slots=True)
class Names:
    """``named[word][name]`` is a declaration (agents with their extensions merged in); the rest in written order."""

    module: tree.Module
    named: dict[str, dict[str, Any]] = field(default_factory=lambda: {word: {} for word in GROUPS.values()})
    contagions: dict[str, tree.Contagion] = field(default_factory=dict)
    clock: tree.Clock | None = None
    comparisons: list[tree.Compare] = field(default_factory=list)
    checks: list[tree.CheckQuantity | tree.CheckAlways] = field(default_factory=list)
    calibrations: list[tree.Calibrate] = field(default_factory=list)
    used: dict[str, Span] = field(default_factory=dict)
    """Used files by their names, also those that a used one uses: where this text names what brings them in."""

    @property
    def is_library(self) -> bool:
        """Return True if the text is a library and not a model."""
        return self.module.header is not None and self.module.header.kind == "library"

    def word_of(self, name: str) -> str | None:
        """``parameter``, ``network``, …: what sort of declaration has this name, if any."""
        return next((word for word, group in self.named.items() if name in group), None)

    def parameters(self) -> dict[str, tree.Parameter]:
        """Parameters by name."""
        return self.named["parameter"]

    def tables(self) -> dict[str, tree.Table]:
        """Tables by name."""
        return self.named["table"]

    def agents(self) -> dict[str, tree.Agent]:
        """Kinds of agents by name."""
        return self.named["agent"]

    def networks(self) -> dict[str, tree.Network]:
        """Networks by name."""
        return self.named["network"]

    def conditions(self) -> dict[str, tree.Condition]:
        """Conditions by name."""
        return self.named["condition"]

    def observations(self) -> dict[str, tree.Observe]:
        """Observations by name."""
        return self.named["observe"]

    def interventions(self) -> dict[str, tree.Intervention]:
        """Interventions by name."""
        return self.named["intervention"]

    def rules(self) -> dict[str, tree.Rule]:
        """Rules by name."""
        return self.named["rule"]

    def behaviours(self) -> dict[str, tree.Behaviour]:
        """Behaviours by name."""
        return self.named["behaviour"]

    def scenarios(self) -> dict[str, tree.Scenario]:
        """Scenarios by name."""
        return self.named["scenario"]


def resolve(module: tree.Module, library: Library, report: Report, chain: tuple[Path, ...] = ()) -> Names:
    """All names of ``module``. ``chain``: the files whose ``use`` led here, to see a cycle."""
    names = Names(module)
    here = module.source.path.resolve() if module.source.path else Path(module.source.name)
    extensions: list[tree.Agent] = []
    for declaration in module.declarations:
        if isinstance(declaration, tree.Use):
            for imported in _import(declaration, library, report, (*chain, here), names.used):
                _declare(names, imported, report)
    for declaration in module.declarations:
        if isinstance(declaration, tree.Agent) and declaration.extends:
            extensions.append(declaration)
        elif not isinstance(declaration, tree.Use):
            _declare(names, declaration, report)
    for extension in extensions:
        _extend(names, extension, report)
    for contagion in names.contagions.values():
        _declare_source(names, contagion, report)
    return names


def _declare_source(names: Names, contagion: tree.Contagion, report: Report) -> None:
    """Enter the network of each one's source, where a contagion remembers it."""
    name, condition = contagion.remembers, names.conditions().get(contagion.of.id)
    if name is not None and condition is not None:
        how = tree.SourceOf(contagion.of, name.span)
        made = tree.Network(name, condition.of, None, how, None, False, None, contagion.doc, name.span)
        _declare_named(names, made, report)


def _declare(names: Names, declaration: tree.Declaration, report: Report) -> None:
    """Enter one declaration under its name; a second of the same name is an error."""
    match declaration:
        case tree.Clock():
            if names.clock is not None:
                _clash("clock", declaration.span, names.clock.span, report)
            names.clock = names.clock or declaration
        case tree.Compare():
            names.comparisons.append(declaration)
        case tree.CheckQuantity() | tree.CheckAlways():
            names.checks.append(declaration)
        case tree.Calibrate():
            names.calibrations.append(declaration)
        case tree.Contagion():
            first = names.contagions.setdefault(declaration.of.id, declaration)
            if first.span != declaration.span:
                _clash(f"contagion of {declaration.of.id}", declaration.of.span, first.of.span, report)
        case tree.Use():
            pass
        case tree.Network() if declaration.back is not None:
            _declare_named(names, declaration, report)
            _declare_named(names, _back_of(declaration, declaration.back), report)
        case _:
            _declare_named(names, declaration, report)


def _back_of(network: tree.Network, back: tree.Name) -> tree.Network:
    """The network of the same ties seen from their other ends, which has a name of its own."""
    how = tree.BackOf(network.name, back.span)
    return replace(network, name=back, how=how, back=None)


def _declare_named(names: Names, declaration: Any, report: Report) -> None:
    name = declaration.name.id
    if name in RESERVED:
        report.add(
            "E0204",
            f"Every model has a `{name}` of its own, so nothing else can take that name.",
            declaration.name.span,
            f"Give it another name, for example `{name}_of_study`.",
        )
        return
    generated = name in GENERATED or name.startswith(("reports_", "chunks_", "rows_"))
    if generated and isinstance(declaration, tree.Agent | tree.Condition):
        report.add(
            "E0204",
            f"`{name}` is a word of the code that is generated, in which agents and conditions keep their names.",
            declaration.name.span,
            f"Give it another name, for example `{name.capitalize()}_of_study`.",
        )
        return
    word = names.word_of(name)
    if word is None:
        names.named[GROUPS[type(declaration)]][name] = declaration
    elif names.named[word][name].name.span != declaration.name.span:
        _clash(name, declaration.name.span, names.named[word][name].name.span, report)


def _clash(name: str, span: Span, first: Span, report: Report) -> None:
    report.add(
        "E0202",
        f"`{name}` is declared twice, so a reader cannot tell which one is meant.",
        span,
        "Rename or delete one of them; an imported one can be renamed with `use … as NAME`.",
        [Label(first, "first declared here")],
    )


def _extend(names: Names, extension: tree.Agent, report: Report) -> None:
    agent = names.agents().get(extension.name.id)
    if agent is None:
        known = names.agents()
        report.add(
            "E0601",
            f"There is no agent `{extension.name.id}` to extend.{did_you_mean(extension.name.id, known)}",
            extension.name.span,
            f"Declare it first: `agent {extension.name.id} count 10_000`.",
            fixes=instead(extension.name.span, extension.name.id, known),
        )
        return
    names.agents()[agent.name.id] = replace(agent, attributes=(*agent.attributes, *extension.attributes))


# ------------------------------------------------------------------ imports


def _import(
    use: tree.Use, library: Library, report: Report, chain: tuple[Path, ...], used: dict[str, Span]
) -> list[Any]:
    """The declarations that ``use`` brings in, renamed and with its settings; [] after an error.

    ``used`` gets the files that it brings in.
    """
    found = library.find(use, report)
    if found is None:
        return []
    path = found.path
    if path in chain:
        story = " uses ".join(p.name for p in (*chain[chain.index(path) :], path))
        report.add(
            "E0209",
            f"These files use each other in a circle: {story}.",
            use.path_span,
            "Move what both need into a third file that uses neither.",
        )
        return []
    before = sum(d.severity == "error" for d in report.diagnostics)
    module = library.load(found, use, report)
    if module is not None:
        used.setdefault(module.source.name, use.path_span)
    if module is None or not _version_fits(use, module, report):
        return []
    theirs = resolve(module, library, report, chain)
    for name in theirs.used:
        used.setdefault(name, use.path_span)
    if sum(d.severity == "error" for d in report.diagnostics) > before:
        return []
    return _settings(use, _rename(use, _pick(use, theirs, report)), theirs, report)


def _version_fits(use: tree.Use, module: tree.Module, report: Report) -> bool:
    has = module.header.version if module.header else None
    if use.version is None or (has or "").split(".")[: use.version.count(".") + 1] == use.version.split("."):
        return True
    report.add(
        "E0208",
        f"`{use.path}` is version {has or 'unnumbered'}, not {use.version}: its numbers may have changed.",
        use.span,
        f"Read what changed, then write `version {has}`." if has else "Leave `version` out.",
    )
    return False


def _pick(use: tree.Use, theirs: Names, report: Report) -> list[Any]:
    """Everything, or what ``only`` names together with all that it needs."""
    everything = [d for group in theirs.named.values() for d in group.values()]
    if not use.only:
        return [*everything, *theirs.contagions.values()]
    picked: dict[str, Any] = {}
    waiting: list[Any] = []
    for item in use.only:
        found = theirs.named.get(item.kind, {}).get(item.name.id)
        if found is None:
            _not_found(use, item, theirs, report)
        else:
            waiting.append(found)
    contagions: list[Any] = []
    while waiting:
        declaration = waiting.pop()
        if declaration.name.id in picked:
            continue
        picked[declaration.name.id] = declaration
        needs = set(names_in(declaration))
        if isinstance(declaration, tree.Condition) and declaration.name.id in theirs.contagions:
            contagions.append(theirs.contagions[declaration.name.id])
            needs |= set(names_in(contagions[-1]))
        waiting += [d for d in everything if d.name.id in needs and not isinstance(d, tree.Agent)]
    return [*(d for d in everything if d.name.id in picked), *contagions]


def _not_found(use: tree.Use, item: tree.UseItem, theirs: Names, report: Report) -> None:
    known = theirs.named.get(item.kind, {})
    have = f"It has: {', '.join(sorted(known))}." if known else f"It has no {item.kind}."
    report.add(
        "E0210",
        f"`{use.path}` has no {item.kind} `{item.name.id}`.{did_you_mean(item.name.id, known)}",
        item.name.span,
        have,
        fixes=instead(item.name.span, item.name.id, known),
    )


def _rename(use: tree.Use, declarations: list[Any]) -> list[Any]:
    """With ``as flu`` every imported name but the agents' gets the prefix ``flu_``."""
    if use.alias is None:
        return declarations
    own = {d.name.id for d in declarations if hasattr(d, "name") and not isinstance(d, tree.Agent)}
    return [rename(d, {name: f"{use.alias.id}_{name}" for name in own}) for d in declarations]


def _settings(use: tree.Use, declarations: list[Any], theirs: Names, report: Report) -> list[Any]:
    """The declarations with the values after ``with`` in place of the library's."""
    prefix = f"{use.alias.id}_" if use.alias else ""
    new = {prefix + name.id: value for name, value in use.settings}
    for name, _ in use.settings:
        if not any(isinstance(d, tree.Parameter) and d.name.id == prefix + name.id for d in declarations):
            known = list(theirs.parameters())
            report.add(
                "E0211",
                f"`{name.id}` is not a parameter of what is imported here.{did_you_mean(name.id, known)}",
                name.span,
                f"`{use.path}` has the parameters: {', '.join(known) or 'none'}.",
                fixes=instead(name.span, name.id, known),
            )
    return [
        replace(d, value=new[d.name.id], rows=()) if isinstance(d, tree.Parameter) and d.name.id in new else d
        for d in declarations
    ]

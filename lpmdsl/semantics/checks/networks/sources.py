"""The network of each one's source, which a contagion remembers: ``remembers the source as infector``."""

from __future__ import annotations

from lpmdsl.semantics import model
from lpmdsl.semantics.context import Context
from lpmdsl.syntax import tree


def source_of(ctx: Context, written: tree.Network, how: tree.SourceOf) -> model.Network | None:
    """The network of one or no tie each; None where its condition is wrong, which is reported there."""
    kind = ctx.kind_of.get(how.condition.id)
    if kind is None:
        return None
    return model.Network(
        written.name.id, kind, "ties", "", None, None, None, None, False, "", written.doc, written.span,
        directed=True, remembers=how.condition.id,
    )  # fmt: skip


def remembered(ctx: Context, written: tree.Contagion, spreads: tuple[model.Spread, ...]) -> str:
    """Name of the network of sources, "" if none is remembered, or after a report (E1140, E1141)."""
    name = written.remembers
    if name is None or name.id not in ctx.networks:
        return ""
    for network in (ctx.networks[n] for n in dict.fromkeys(s.network for s in spreads)):
        if network.is_between:
            source = next(k for k in (network.of, network.to) if k != ctx.kind_of[written.of.id])
            ctx.report.add(
                "E1141",
                f"On `{network.name}` a {source} infects, and `{name.id}` joins {ctx.kind_of[written.of.id]} to one "
                "another.",
                name.span,
                "Leave this line out.",
                labels=ctx.declared(network.name),
            )
            return ""
        if network.layout == "random":
            ctx.report.add(
                "E1140",
                f"On `{network.name}` everybody meets everybody, so one knows how many infect and not who.",
                name.span,
                f"Tie people on `{network.name}`: `as random_regular(degree 10) redrawn every day`; or leave this "
                "line out.",
                labels=ctx.declared(network.name),
            )
            return ""
    return name.id


def nobody_meets_there(ctx: Context, name: tree.Name, network: model.Network) -> None:
    """Report a network of sources where one is needed on which people meet (E1142)."""
    ctx.report.add(
        "E1142",
        f"`{network.name}` is from whom one caught {network.remembers}, and nobody meets there.",
        name.span,
        f"Name a network on which people meet; `{network.name}` is looked over, as in `count of {network.name}`.",
        labels=ctx.declared(network.name),
    )

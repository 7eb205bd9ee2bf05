"""Distributions: the family, its argument set, and the unit of each argument."""

from __future__ import annotations

from collections.abc import Sequence

from lpmdsl.diagnostics import did_you_mean, instead, replaced
from lpmdsl.distributions.family import Family, Role, Use
from lpmdsl.distributions.table import DISTRIBUTIONS
from lpmdsl.quantities import ERROR, NUMBER, NUMBER_DIM, PROBABILITY, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.value_origins import origins
from lpmdsl.semantics.analysis.vertices import extremes
from lpmdsl.semantics.checks.values.expressions import check_value, table_key
from lpmdsl.semantics.checks.values.laws.limits import are_finite, in_range, is_ordered
from lpmdsl.semantics.checks.values.laws.shares import rows_are_whole
from lpmdsl.semantics.checks.values.laws.spellings import ELSEWHERE, LIKELIHOODS, SPELLINGS, respelled
from lpmdsl.semantics.context import Context, text_of
from lpmdsl.semantics.resolve.scope import Scope
from lpmdsl.syntax import tree

Form = tuple[tuple[str, Role], ...]
"""Names and roles of the arguments that are written together, in positional order."""
_USES: dict[Use, str] = {
    "dwell": "a length of time",
    "draw": "an attribute",
    "prior": "a prior",
    "likelihood": "a likelihood",
}


def check_distribution(
    ctx: Context, written: tree.Distribution, want: Type, use: Use, scope: Scope
) -> model.Distribution | None:
    """The distribution of a quantity of type ``want``; None after a report."""
    name = written.name.id
    if written.keys:
        return _conditional(ctx, written, want, use, scope)
    if name in ctx.names.tables() and not written.arguments:
        return _empirical(ctx, written, want, use)
    family = DISTRIBUTIONS.get(name)
    allowed = [f.name for f in DISTRIBUTIONS.values() if use in f.uses and f.name != "empirical"]
    if family is None or name == "empirical":
        hint = f" Here it is called `{ELSEWHERE[name]}`." if name in ELSEWHERE else did_you_mean(name, allowed)
        place = written.name.span
        fixes = [replaced(place, ELSEWHERE[name])] if name in ELSEWHERE else instead(place, name, allowed)
        ctx.report.add(
            "E0310",
            f"There is no distribution `{name}`.{hint}",
            written.name.span,
            f"For {_USES[use]}: {', '.join(allowed)}; or the name of a table of shares.",
            fixes=fixes,
        )
        return None
    if use not in family.uses or not _support_fits(family, want, use):
        ctx.report.add(
            "E0312",
            f"`{name}` cannot be the distribution of {_USES[use]} here: {_reason(family, want)}.",
            written.name.span,
            f"For {_USES[use]} there are {', '.join(allowed)}.",
        )
        return None
    if family.name == "categorical":
        return _categorical(ctx, written, want, scope)
    return _with_arguments(ctx, written, family, want, use, scope)


def _support_fits(family: Family, want: Type, use: Use) -> bool:
    if use == "likelihood":
        return True
    match want.kind:
        case Kind.BOOLEAN:
            return family.support == "yes/no"
        case Kind.CATEGORY:
            return family.support == "labels"
        case Kind.DATE if family.support != "real":
            return False
        case _:
            pure_only = family.support in ("unit", "whole")
            return family.support not in ("yes/no", "labels") and (not pure_only or want.dimension == NUMBER_DIM)


def _reason(family: Family, want: Type) -> str:
    supports = {
        "yes/no": "it gives yes or no",
        "labels": "it gives labels of a category",
        "whole": "it gives whole counts",
        "unit": "it gives a number between 0 and 1",
        "real": "it gives any number",
        "positive": "it gives a positive number",
    }
    return f"{supports[family.support]}, and {want} is wanted"


def _with_arguments(
    ctx: Context, written: tree.Distribution, family: Family, want: Type, use: Use, scope: Scope
) -> model.Distribution | None:
    forms = family.likelihood.forms if use == "likelihood" and family.likelihood is not None else family.forms
    others = (LIKELIHOODS if use == "likelihood" else SPELLINGS).get(family.name, ())
    form = _form(written, (*forms, *(spelling.form for spelling in others)))
    if form is None:
        sets = _sets(forms)
        given = ", ".join(a.name or text_of(a.span)[1:-1] for a in written.arguments) or "nothing"
        example = (
            f"Write, for example, `{family.example}`."
            if use != "likelihood"
            else ("The observation itself is the mean; the arguments say how far the data scatter around it.")
        )
        ctx.report.add("E0311", f"`{family.name}` takes {sets}, and it was given {given}.", written.span, example)
        return None
    named: list[tuple[str, Role, tree.Argument]] = [
        (name, role, argument) for (name, role), argument in zip(form, _arranged(written, form), strict=True)
    ]
    checked = tuple(
        (name, check_value(ctx, a.value, scope, _role_type(role, want), f"`{name.split()[0]}` of `{family.name}`"))
        for name, role, a in named
    )
    if any(value.type == ERROR for _, value in checked):
        return None
    help = _other_ways(written, family, form, forms)
    fine = [
        in_range(ctx, family, name, role, value, help)
        for (name, value), (_, role, _) in zip(checked, named, strict=True)
    ]
    if not all(fine):
        return None
    spelling = None if form in forms else next(spelling for spelling in others if spelling.form == form)
    if spelling is not None:
        checked = respelled(spelling, dict(checked), want, written.span)
    if not is_ordered(ctx, family, dict(checked)) or not are_finite(ctx, family, checked):
        return None
    return model.Distribution(family.name, checked, None, (), want, written.span)


def _sets(forms: Sequence[Form]) -> str:
    """The argument sets in words: ``(mean, sd) or (a, b)``."""
    return " or ".join(f"({', '.join(a.split()[0] for a, _ in f)})" for f in forms)


def _other_ways(written: tree.Distribution, family: Family, form: Form, forms: Sequence[Form]) -> str:
    """Another reading of numbers without names: ``beta(2, 2)`` has a mean of 2 here, and shapes of 2 elsewhere."""
    others = [f for f in forms if f != form and len(f) == len(form)]
    if not others or any(a.name for a in written.arguments):
        return f"It takes {_sets(forms)}." if len(forms) > 1 else ""
    named = ", ".join(
        f"{name} {text_of(a.span)[1:-1]}" for (name, _), a in zip(others[0], written.arguments, strict=True)
    )
    return f"Without names it takes {_sets((form,))}; write `{family.name}({named})` if that is meant."


def _form(written: tree.Distribution, forms: Sequence[Form]) -> Form | None:
    """The argument set that the written arguments fill exactly."""
    for form in forms:
        names = [name for name, _ in form]
        given = _names(written, names)
        if len(given) == len(written.arguments) and sorted(given) == sorted(names):
            return form
    return None


def _arranged(written: tree.Distribution, form: Form) -> list[tree.Argument]:
    names = [name for name, _ in form]
    by_name = dict(zip(_names(written, names), written.arguments, strict=True))
    return [by_name[name] for name in names]


def _names(written: tree.Distribution, names: list[str]) -> list[str]:
    """The name of every argument in a form of these names: one without a name has that of its place, and a name that
    is written again is ``NAME 2``."""
    found: list[str] = []
    for name, argument in zip(names, written.arguments, strict=False):
        own = argument.name or name
        found.append(own if own not in found else f"{own} {1 + sum(f.split()[0] == own for f in found)}")
    return found


def _role_type(role: Role, want: Type) -> Type:
    match role:
        case "positive value" if want.kind is Kind.DATE:
            return Type(Kind.NUMBER, want.dimension)
        case "value" | "positive value":
            return want if want.is_numeric else NUMBER
        case "per value":
            return Type(Kind.NUMBER, NUMBER_DIM / want.dimension)
        case "probability":
            return PROBABILITY
        case _:
            return NUMBER


def _categorical(ctx: Context, written: tree.Distribution, want: Type, scope: Scope) -> model.Distribution | None:
    """``categorical(north 40 %, south 60 %)``: a share for every label, in the order of the labels."""
    shares = {a.name: a for a in written.arguments if a.name is not None}
    missing = [label for label in want.labels if label not in shares]
    strange = [a for a in written.arguments if a.name not in want.labels]
    if missing or strange or len(shares) != len(written.arguments):
        odd = (
            f"`{strange[0].name or text_of(strange[0].span)[1:-1]}` is not one of its labels"
            if strange
            else f"`{(missing or ['?'])[0]}` has no share"
        )
        ctx.report.add(
            "E0311",
            f"A categorical distribution has one share for each of {', '.join(want.labels)}; {odd}.",
            written.span,
            "Write each label and its share: `categorical(north 40 %, south 60 %)`.",
        )
        return None
    weights = tuple(check_value(ctx, shares[x].value, scope, PROBABILITY, f"the share of `{x}`") for x in want.labels)
    if any(w.type == ERROR for w in weights):
        return None
    for total, story in extremes(ctx, weights):
        if abs(total - 1) > 1e-3:
            ctx.report.add(
                "E0405",
                f"The shares add up to {100 * total:g} %{story}; everybody has one label, so they add up to 100 %.",
                written.span,
                labels=origins(ctx, *weights),
            )
            return None
    return model.Distribution("categorical", (), None, weights, want, written.span)


def _empirical(ctx: Context, written: tree.Distribution, want: Type, use: Use) -> model.Distribution | None:
    """A one-column table of shares as a distribution: its row keys are drawn by their shares."""
    table = ctx.tables.get(written.name.id)
    if table is None:
        return None
    numeric = all(_is_number(k) for k in table.keys[0])
    wrong = ""
    if use != "draw":
        wrong = f"a table cannot be the distribution of {_USES[use]}"
    elif table.curve is not None:
        wrong = f"`{table.name}` is a line over {table.curve.over}; a distribution is one list of shares"
    elif table.key_attributes != ("",):
        wrong = f"`{table.name}` is by {', '.join(table.key_attributes)}; a distribution is one list of shares"
    elif table.type.kind not in (Kind.SHARE, Kind.PROBABILITY):
        wrong = f"`{table.name}` is a table of {table.type}, not of shares"
    elif want.kind is Kind.CATEGORY and table.keys[0] != want.labels:
        wrong = f"its rows are {', '.join(table.keys[0])}, and the labels are {', '.join(want.labels)}"
    elif want.kind is not Kind.CATEGORY and (not numeric or want.dimension != NUMBER_DIM or not want.is_numeric):
        wrong = f"its rows are {', '.join(table.keys[0][:4])}, and {want} is drawn"
    if wrong:
        ctx.report.add(
            "E0312",
            f"This table cannot be drawn from here: {wrong}.",
            written.span,
            f"Write `{table.name}[{', '.join(table.key_attributes[:-1])}]`."
            if len(table.key_attributes) > 1
            else "A list that can be drawn from starts `table NAME of share`, its rows numbers or labels.",
        )
        return None
    return model.Distribution("empirical", (), table.name, (), want, written.span)


def _conditional(
    ctx: Context, written: tree.Distribution, want: Type, use: Use, scope: Scope
) -> model.Distribution | None:
    """``jobs[age_group]``: a label of the table's last category, by the shares of the row that the keys name."""
    table = ctx.tables.get(written.name.id)
    if table is None:
        if written.name.id not in ctx.broken:
            ctx.unknown(written.name, "a table", ctx.names.tables(), "Shares by a category are a table of two.")
        return None
    wrong = ""
    if use != "draw" or want.kind is not Kind.CATEGORY:
        wrong = "a label is drawn from its rows, for an attribute that is a category"
    elif table.curve is not None:
        wrong = f"`{table.name}` is a line over {table.curve.over}, which has no labels"
    elif len(table.keys) != len(written.keys) + 1:
        given = f"{len(written.keys)} stand{'s' if len(written.keys) == 1 else ''} in brackets"
        wrong = f"`{table.name}` is by {', '.join(a or 'its rows' for a in table.key_attributes)}, and {given}"
    elif table.type.kind not in (Kind.SHARE, Kind.PROBABILITY):
        wrong = f"`{table.name}` is a table of {table.type}, not of shares"
    elif set(table.keys[-1]) != set(want.labels):
        wrong = f"its shares are of {', '.join(table.keys[-1])}, and the labels are {', '.join(want.labels)}"
    if wrong:
        help = "Write all of its categories in brackets but the last, whose labels are drawn: `jobs[age_group]`."
        ctx.report.add("E0312", f"This table cannot be drawn from here: {wrong}.", written.span, help)
        return None
    keys = tuple(table_key(ctx, key, table, d, scope) for d, key in enumerate(written.keys))
    if any(key.type == ERROR for key in keys) or not rows_are_whole(ctx, table, written):
        return None
    arguments = tuple((f"key {d}", key) for d, key in enumerate(keys))
    return model.Distribution("empirical", arguments, table.name, (), want, written.span)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def as_distribution(expr: tree.Expr | tree.Distribution) -> tree.Distribution | None:
    """``poisson(4)`` or a bare table name written where an expression was read, as a distribution."""
    match expr:
        case tree.Distribution():
            return expr
        case tree.Call():
            arguments = tuple(tree.Argument(None, a, a.span) for a in expr.arguments)
            return tree.Distribution(expr.function, arguments, expr.span)
        case tree.Name():
            return tree.Distribution(expr, (), expr.span)
        case _:
            return None

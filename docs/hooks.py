"""MkDocs hook: fills tables of the reference from the compiler's own tables, so that they are always complete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lpmdsl.codes import CODES
from lpmdsl.networks.generators import NETWORKS
from lpmdsl.semantics.builtins import BUILTINS, DISTRIBUTIONS
from lpmdsl.semantics.spellings import SPELLINGS

_DIMENSIONS = {
    "pure": "pure numbers in, a pure number out",
    "same": "keeps the unit that its arguments share",
    "square root": "the unit's square root",
    "number out": "any unit in, a pure number out",
}
_USES = {"dwell": "dwell time", "draw": "attribute", "prior": "prior", "likelihood": "likelihood"}


def table_of_codes() -> str:
    """Every diagnostic code and its title, linked to its page."""
    return _table(("Code", "What it says"), [(f"[{code}]({code}.md)", title) for code, title in sorted(CODES.items())])


def table_of_distributions() -> str:
    """Every distribution with its argument sets and where it may stand."""
    rows = []
    for family in DISTRIBUTIONS.values():
        written = (*family.forms, *(spelling.form for spelling in SPELLINGS.get(family.name, ())))
        forms = [", ".join(f"`{name}`" for name, _ in form) for form in written]
        uses = ", ".join(word for use, word in _USES.items() if use in family.uses)
        rows.append((f"`{family.name}`", " or ".join(forms), f"`{family.example}`", uses))
    return _table(("Distribution", "Arguments", "Example", "Stands as"), rows)


def table_of_functions() -> str:
    """Every built-in function and what it does to units."""
    return _table(("Function", "Units"), [(f"`{b.name}`", _DIMENSIONS[b.dimensions]) for b in BUILTINS.values()])


def table_of_generators() -> str:
    """Every network generator with its arguments."""
    rows = []
    for generator in NETWORKS.values():
        arguments = "<br>".join(f"`{a.name}`: {a.help}" for a in generator.arguments)
        one_of = f"<br>exactly one of {', '.join(generator.one_of)}" if generator.one_of else ""
        rows.append((f"`{generator.name}`", arguments + one_of, generator.help))
    return _table(("Generator", "Arguments", "What it is"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "<!-- table of codes -->": table_of_codes,
    "<!-- table of distributions -->": table_of_distributions,
    "<!-- table of functions -->": table_of_functions,
    "<!-- table of generators -->": table_of_generators,
}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with each mark replaced by its table."""
    for mark, table in TABLES.items():
        if mark in markdown:
            markdown = markdown.replace(mark, table())
    return markdown


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)

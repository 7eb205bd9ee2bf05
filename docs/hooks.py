"""Tables of the reference, made from the compiler's own: ``python docs/hooks.py`` writes them into the pages.

They stand in the Markdown itself, so that a reader of the repository sees them; MkDocs fills them once more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lpmdsl.codes import CODES
from lpmdsl.distributions.table import DISTRIBUTIONS
from lpmdsl.networks.generators import DIRECTED, NETWORKS
from lpmdsl.semantics.checks.values.laws.spellings import SPELLINGS
from lpmdsl.semantics.functions import FUNCTIONS

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
        forms = [", ".join(f"`{name.split()[0]}`" for name, _ in form) for form in written]
        uses = ", ".join(word for use, word in _USES.items() if use in family.uses)
        rows.append((f"`{family.name}`", " or ".join(forms), f"`{family.example}`", uses))
    return _table(("Distribution", "Arguments", "Example", "Stands as"), rows)


def table_of_functions() -> str:
    """Every function and what it does to units."""
    return _table(("Function", "Units"), [(f"`{b.name}`", _DIMENSIONS[b.dimensions]) for b in FUNCTIONS.values()])


def table_of_generators() -> str:
    """Every network generator with its arguments."""
    rows = []
    for generator in NETWORKS.values():
        arguments = "<br>".join(f"`{a.name}`: {a.help}" for a in generator.arguments)
        one_of = f"<br>exactly one of {', '.join(generator.one_of)}" if generator.one_of else ""
        directed = f"<br>`directed`: {DIRECTED[generator.directed]}" if generator.directed else ""
        redrawn = "<br>may be `redrawn every` period" if generator.redrawn else ""
        rows.append((f"`{generator.name}`", arguments + one_of, generator.help + directed + redrawn))
    return _table(("Generator", "Arguments", "What it is"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "codes": table_of_codes,
    "distributions": table_of_distributions,
    "functions": table_of_functions,
    "generators": table_of_generators,
}


def filled(markdown: str) -> str:
    """The page with each table between its marks as it is now."""
    for name, table in TABLES.items():
        begin, end = f"<!-- table of {name}: begin -->", f"<!-- table of {name}: end -->"
        if begin in markdown:
            before, rest = markdown.split(begin, 1)
            markdown = f"{before}{begin}\n\n{table()}\n\n{end}{rest.split(end, 1)[1]}"
    return markdown


def on_page_markdown(markdown: str, **_: Any) -> str:
    """MkDocs' hook: the page as it is shown."""
    return filled(markdown)


def pages_with_tables() -> list[Path]:
    """The pages that hold a table."""
    mark = re.compile(rf"<!-- table of ({'|'.join(TABLES)}): begin -->")
    return [p for p in sorted(Path(__file__).parent.rglob("*.md")) if mark.search(p.read_text(encoding="utf-8"))]


def main() -> None:
    """Write every table into its page."""
    for page in pages_with_tables():
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    main()

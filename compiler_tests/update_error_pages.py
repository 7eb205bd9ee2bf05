"""Writes into every error page what the tool says of its bad model: ``python -m compiler_tests.update_error_pages``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from compiler_tests.support.error_pages import PAGES, all_pages, rendered, with_shown


def main() -> None:
    """Update the pages in place and name those whose bad model does not show their code."""
    for page in all_pages():
        if not page.bad:
            continue
        with tempfile.TemporaryDirectory() as folder:
            shown = rendered(page, Path(folder))
        if not shown:
            print(f"{page.code}: the bad model does not show it")
            continue
        path = PAGES / f"{page.code}.md"
        path.write_text(with_shown(path.read_text(encoding="utf-8"), shown), encoding="utf-8")


if __name__ == "__main__":
    main()

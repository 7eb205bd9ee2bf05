"""The shell of every page: one file that needs nothing else and may load and run nothing."""

from __future__ import annotations

from lpmdsl.escaping import html
from lpmdsl.runtime.reports.style import STYLE

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Content-Security-Policy of our pages: no script at all, nothing from elsewhere, figures as images in the page."""


def whole_page(title: str, sections: list[str]) -> str:
    """Return sections of ready HTML as one page that needs nothing else and runs no script."""
    body = "\n".join(section for section in sections if section)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html(title)}</title><style>{STYLE}</style></head>\n<body><main>\n{body}\n</main></body></html>\n"
    )

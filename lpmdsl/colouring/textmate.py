"""The TextMate grammar of the language, for editors: ``python -m lpmdsl.colouring.textmate FILE`` writes it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lpmdsl.colouring.classes import Colour
from lpmdsl.colouring.rules import Rule, rules

SCOPE = "source.lpm"


def grammar() -> str:
    """The JSON text of ``lpm.tmLanguage.json``."""
    made = {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "information_for_contributors": "Written by `python -m lpmdsl.colouring.textmate`; do not edit.",
        "name": "lpm",
        "scopeName": SCOPE,
        "fileTypes": ["lpm"],
        "patterns": [_pattern(rule) for rule in rules()],
    }
    return json.dumps(made, indent=2, ensure_ascii=True) + "\n"


def _pattern(rule: Rule) -> dict[str, object]:
    if len(rule.colours) == 1:
        return {"name": rule.colours[0].scope, "match": rule.pattern}
    scopes = {str(k): {"name": c.scope} for k, c in enumerate(rule.colours, 1) if c is not Colour.BLANK}
    return {"match": rule.pattern, "captures": scopes}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(grammar(), encoding="utf-8", newline="\n")

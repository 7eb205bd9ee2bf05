"""Every diagnostic code with its title. A code is never reused; its page is ``docs/errors/CODE.md``.

E errors, W warnings, N notes. 01 text, 02 names, 03 units and types, 04 tables and data files,
05 conditions, 06 agents and networks, 07 observations, interventions and scenarios, 08 running,
09 calibration and checks.
"""

from __future__ import annotations

CODES: dict[str, str] = {
    # 01 text
    "E0101": "The text does not read as this kind of declaration",
    "E0102": "No declaration starts with this word",
    "E0103": "This part of the language is not there yet",
    "E0104": "The file cannot be read",
    "E0105": "The file is too large for a model",
    "E0106": "The file is not text",
    "E0107": "The expression is nested too deeply",
    "E0108": "The file does not begin with `model` or `library`",
    "E0109": "A reserved word is used as a name",
    "E0110": "A string does not end on its line",
    "E0111": "A clause is written twice",
    "E0112": "A clause is missing",
    "E0113": "No such unit",
    "W0114": "The indentation misleads",
}

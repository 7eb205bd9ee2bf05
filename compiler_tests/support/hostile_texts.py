"""Texts that a stranger might write to make something happen, and the places of a model where a text can stand."""

from __future__ import annotations

import re

HIDDEN = {
    "carriage return": "a\rimport os", "return and line feed in quotes": "a\r\nb", "line feed": "a\nb",
    "line tabulation": "\v", "form feed": "\f", "file separator": "\x1c", "next line": "\x85",
    "line separator": "\u2028",
    "paragraph separator": "\u2029", "null": "\0", "bell": "\x07", "backspace": "\b", "colours": "\x1b[31m",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07", "title": "\x1b]0;x\x1b\\", "one-byte escape": "\x9b2J", "delete": "\x7f",
    "right to left": "\u202eabc", "isolate": "\u2067abc\u2069", "no width": "a\u200bb", "mark": "a\ufeffb",
    "soft hyphen": "a\xadb", "tag": "\U000e0041", "tab": "a\tb",
}  # fmt: skip
"""Refused wherever they stand (line ends and tabs where they are no layout)."""

SEEN = {
    "python": "a'); __import__('os').abort() #", "triple": "'''", "backslash": "\\", "backslash n": "a\\nb",
    "backslash x": "\\x0aimport os", "braces": "{0.__class__}", "brace": "{", "end brace": "}", "percent": "%s%n",
    "dollar": "$HOME $(id) `id`", "hash": "# x", "comment": "*/ /* // --", "script": "<script>alert(1)</script>",
    "end of script": "</script><script>alert(2)//", "image": "<img src=x onerror=alert(3)>",
    "comment end": "--><svg onload=alert(4)>", "cdata": "]]><x>", "attribute": "' onmouseover='alert(5)",
    "link": "<a href='javascript:alert(6)'>l</a>", "entity": "&lt;b&gt;&#60;", "end of pre": "</pre></code><iframe>",
    "markup": "[/x]", "colour": "[red]b", "emoji": ":skull:", "formula": "=1+2", "plus": "+1+2", "minus": "-1+2",
    "at": "@SUM(1)", "apostrophe": "'=1", "tex": "\\input{/etc/passwd}", "tex end": "}}\\write18{id}",
    "mermaid": "S --> X: click", "template": "{{7*7}}${7*7}<%=7*7%>", "semicolon": "a;b,c|d", "umlaut": "Ä ö",
    "state": "state_1",
}  # fmt: skip
"""Printable: taken as they are, and only ever shown."""

QUOTED = {"quote": 'a" b', "three quotes": '"""', "end of label": 'x", "y'}
"""With a quote, so that in a model they end the string that they stand in."""

LONG = {"long": "x" * 10_000, "long word": "y" * 501}

PLACES = {
    "model doc": "text", "parameter doc": "text", "remark": "text", "remark at an end": "text", "source": "text",
    "state": "label", "last state": "label", "category": "label", "other category": "label", "drawn label": "label",
    "band name": "label", "other band": "label", "observation doc": "text", "scenario doc": "text",
    "condition doc": "text", "agent doc": "text", "attribute doc": "text", "network doc": "text",
    "intervention doc": "text",
    "system prompt": "prompt", "prompt": "prompt", "second prompt": "prompt",
}  # fmt: skip
"""Where a text can stand, and what kind it is. A name takes no text at all: ``NAMES``."""

NAMES = ("model", "parameter", "agent", "attribute", "network", "condition", "observation", "intervention", "scenario")

_TEMPLATE = """\
## {model doc}
model {model} version 1.0
# {remark}

clock
  step 1 day
  for 12 days  # {remark at an end}

## {parameter doc}
parameter {parameter} = 0.05 per contact
  between 0.001 per contact and 0.5 per contact
  source "{source}"

## {agent doc}
agent {agent} count 60
  ## {attribute doc}
  {attribute} category ~ categorical("{category}" 50 %, "{other category}" 30 %, "{drawn label}" 20 %)
  age duration ~ uniform(0 years, 90 years)
  age_group category = band of age at 20 years named "{band name}", "{other band}"
  {kept} yes/no = no

## {network doc}
network {network} joins {agent} at random with 6 contacts per day

## {condition doc}
condition {condition} of {agent}
  states S, "{state}", "{last state}"
  start S except 5 {agent} in "{state}"
  from S by contagion to "{state}"
  from "{state}" after gamma(mean 4 days, sd 2 days) to "{last state}"

contagion of {condition}
  from "{state}" on {network} at {parameter}
  target scaled by 0.5 where {kept}

## {observation doc}
observe {observation} = number entering "{state}" per day by {attribute}
observe share_ill = share of {agent} where {condition} is "{state}" by age_group
observe by_state = count of {agent} by {condition}

## {intervention doc}
intervention {intervention}
  starts when share_now rises above 1 %
  every day for at most 3 {agent} where not {kept}
    set {kept} to yes
observe share_now = share of {agent} where {condition} is "{state}"
{behaviour}
## {scenario doc}
scenario {scenario}
  change {parameter} to 0.02 per contact
"""
_BEHAVIOUR = """\
behaviour stay of {agent}
  decides yes/no into {kept} as stay or go
  every week
  knows age_group
  asks for probabilities
    "{prompt}"
    "{second prompt} {{age_group}}"
  system "{system prompt}"
  otherwise 10 %
"""


def model_text(texts: dict[str, str], names: dict[str, str] | None = None, asks: bool = False) -> str:
    """A model with these texts in their places and harmless ones in all others; ``asks``: with a behaviour."""
    given = {place: harmless(place) for place in PLACES} | texts
    given |= {name: f"the_{name}" for name in NAMES} | {"kept": "kept"} | (names or {})
    behaviour = _filled(_BEHAVIOUR, given).replace("{{age_group}}", "{age_group}") if asks else ""
    return _filled(_TEMPLATE, given | {"behaviour": behaviour})


def _filled(template: str, given: dict[str, str]) -> str:
    return re.sub(r"(?<!\{)\{([a-z ]+)\}", lambda slot: given[slot[1]], template)


def harmless(place: str) -> str:
    """A text of the same kind that can do nothing, and that is no name either."""
    return f"é {place}"


def twin(text: str) -> str:
    """A harmless text of the same shape: as long, with its blanks, digits and underscores where they were."""
    return "é" + re.sub(r"[^\w ^]", "é", text)[1:] if text else text

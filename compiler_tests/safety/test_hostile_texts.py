"""A stranger's text is data: hostile texts in every place of a model, and what they do in every output: nothing."""

from __future__ import annotations

import ast
import io
import json
import re
from collections import Counter
from functools import cache
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from compiler_tests.support.hostile_texts import HIDDEN, LONG, NAMES, PLACES, QUOTED, SEEN, harmless, model_text, twin
from lpmdsl.compiler import adjoint_text, check_source, compile_model
from lpmdsl.diagnostics import Report, render_json, render_text
from lpmdsl.escaping import csv_cell, csv_words, latex, script_json
from lpmdsl.insight.document import document, mermaid
from lpmdsl.insight.summary import Analysis, analysis, as_json, as_latex, as_text
from lpmdsl.interchange import from_json, to_json
from lpmdsl.runtime.api import LoadedModel, load_source
from lpmdsl.runtime.results import csv_text, read_results
from lpmdsl.runtime.table import Table
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse
from lpmdsl.terminal import terminal

GENERATED = ("cpu", "triton", "ir", "adjoint")


def codes(text: str) -> list[str]:
    report = Report()
    check_source(Source("town.lpm", text), report)
    for d in report.diagnostics:
        shown = render_text(d)
        assert shown == terminal(shown) and len(shown.splitlines()) <= 4 + 3 * len(d.labels)
        assert json.loads(render_json(d))["code"] == d.code and len(render_json(d).splitlines()) == 1
    return [d.code for d in report.diagnostics if d.severity == "error"]


def loaded(texts: dict[str, str]) -> LoadedModel:
    return load_source(Source("town.lpm", model_text(texts)), Report())


def everywhere(kind: str) -> dict[str, str]:
    """A seen text in all places at once: labels distinguished by a number at the end."""
    text = SEEN[kind]
    return {place: f"{text} {k}" if what == "label" else text
            for k, (place, what) in enumerate(PLACES.items()) if what != "prompt"}  # fmt: skip


def twins(kind: str) -> dict[str, str]:
    return {place: twin(text) for place, text in everywhere(kind).items()}


# ------------------------------------------------------------------ what is refused


def test_the_places_are_those_of_a_model_that_works() -> None:
    assert codes(model_text({})) == codes(model_text({}, asks=True)) == []


def test_hidden_characters_are_refused_in_every_place() -> None:
    tried = 0
    for place, (name, text) in product(PLACES, HIDDEN.items()):
        if name == "tab" and PLACES[place] == "text" and place != "source":
            continue  # layout
        found = codes(model_text({place: text}, asks=True))
        assert found, (place, name)
        # A line feed is the end of a line, so what comes after it is read as another.
        assert "E0115" in found or "\n" in text, (place, name, found)
        tried += 1
    assert tried > 400


def test_what_is_long_or_ends_its_string_is_refused_with_a_code() -> None:
    labels = [place for place, what in PLACES.items() if what == "label"]
    for place, text in product(labels, LONG.values()):
        assert set(codes(model_text({place: text}))) == {"E0116"}
    for place, text in product((p for p, what in PLACES.items() if what != "text" or p == "source"), QUOTED.values()):
        assert codes(model_text({place: text}, asks=True)), (place, text)


def test_a_name_is_nothing_but_a_name() -> None:
    for name, text in product(NAMES, [*HIDDEN.values(), *SEEN.values(), *LONG.values(), *QUOTED.values(), "é", "a-b"]):
        if not re.fullmatch(r"[A-Za-z_]\w{0,199}", text, re.ASCII):
            assert codes(model_text({}, {name: text})), (name, text)


def test_prompts_are_data_too() -> None:
    for place, text in product((p for p, what in PLACES.items() if what == "prompt"), SEEN.values()):
        found = codes(model_text({place: text}, asks=True))
        assert not found or set(found) <= {"E0733", "E0101", "E0736"}, (place, text, found)


# ------------------------------------------------------------------ generated code


@cache
def generated(texts: tuple[tuple[str, str], ...]) -> dict[str, str]:
    one = loaded(dict(texts))
    made = compile_model(one.model, one.facts)
    return {"cpu": made.emit("cpu"), "triton": made.emit("triton"), "ir": made.emit("ir"),
            "adjoint": adjoint_text(one.model)}  # fmt: skip


def code(line: str) -> str:
    """A line without its remark; the number of a place in the text, by which its draws are keyed, is left out."""
    return re.sub(r"\d{6,}", "7", line.split("#")[0])


def shape(text: str) -> str:
    """A module's syntax tree, which has no remarks."""
    return ast.dump(ast.parse("\n".join(map(code, text.split("\n")))))


@pytest.mark.parametrize("kind", SEEN)
def test_generated_code_is_that_of_the_harmless_twin(kind: str) -> None:
    made, other = (generated(tuple(given.items())) for given in (everywhere(kind), twins(kind)))
    for target in GENERATED:
        lines, harmless_lines = made[target].split("\n"), other[target].split("\n")
        assert len(made[target].splitlines()) == len(lines) - 1 == len(harmless_lines) - 1
        for line, twin_line in zip(lines, harmless_lines, strict=True):
            assert code(line) == code(twin_line)
            assert line.isprintable()
    for target in ("cpu", "triton"):
        assert shape(made[target]) == shape(other[target])


def test_json_of_a_model_comes_back() -> None:
    for kind in SEEN:
        model = loaded(everywhere(kind)).model
        assert from_json(to_json(model)) == model


def test_the_formatter_keeps_texts() -> None:
    for kind in SEEN:
        source = Source("town.lpm", model_text(everywhere(kind)))
        once = format_module(parse(source, Report()))
        again = Source("town.lpm", once)
        assert format_module(parse(again, Report())) == once
        assert codes(once) == []
        assert all(text in once for text in everywhere(kind).values())


# ------------------------------------------------------------------ pages, formulas, tables


class Elements(HTMLParser):
    """Every element of a page with the names of its attributes, and what could run or load something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "iframe", "object", "embed", "link", "base", "form", "a"), tag
        assert not any(name.startswith("on") or name in ("srcdoc", "href") for name, _ in attrs), (tag, attrs)
        assert all(not (value or "").strip().lower().startswith("javascript") for _, value in attrs)
        if tag == "img":
            assert dict(attrs)["src"].startswith("data:image/svg+xml")  # type: ignore[union-attr]
        self.found[tag, tuple(sorted(name for name, _ in attrs))] += 1

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


HEAVY = {
    "first": ("script", "end of script", "image", "comment end", "attribute", "markup"),
    "second": ("formula", "tex", "tex end", "mermaid", "template", "backslash"),
}
LABELLED = [place for place, what in PLACES.items() if what == "label"]


def mixed(name: str) -> dict[str, str]:
    """Other texts in other places, so that one page shows many."""
    kinds = HEAVY[name]
    return {place: f"{SEEN[kinds[k % len(kinds)]]} {k}" for k, place in enumerate(PLACES) if PLACES[place] != "prompt"}


@cache
def analysed(name: str, is_twin: bool) -> tuple[LoadedModel, Analysis]:
    texts = mixed(name)
    one = loaded({place: twin(text) for place, text in texts.items()} if is_twin else texts)
    return one, analysis(one.model, parameter_values(one.model))


@pytest.mark.parametrize("name", HEAVY)
def test_a_page_has_the_elements_of_its_harmless_twin(name: str) -> None:
    found = []
    for is_twin in (False, True):
        one, known = analysed(name, is_twin)
        page = document(one.model, one.source, known, parameter_values(one.model))
        assert "Content-Security-Policy" in page and "script-src" not in page
        elements = Elements(page).found
        found.append(Counter({key: n for key, n in elements.items() if key[0] not in ("span", "tspan")}))
    assert found[0] == found[1]


@pytest.mark.parametrize("name", HEAVY)
def test_formulas_diagrams_and_words_are_those_of_the_twin(name: str) -> None:
    (one, known), (other, twin_known) = analysed(name, False), analysed(name, True)
    signs = r"(?<!\\)[{}$&#%]|\\(?:input|write|def|catcode|immediate|openin|read)\b"
    assert not re.search(r"\\(?:input|write|def|catcode|immediate|openin|read)(?![a-z])", as_latex(known))
    assert len(re.findall(signs, _plain(as_latex(known)))) == len(re.findall(signs, _plain(as_latex(twin_known))))
    assert len(as_latex(known).splitlines()) == len(as_latex(twin_known).splitlines())
    drawn, twin_drawn = mermaid(one.model.conditions[0]), mermaid(other.model.conditions[0])
    assert [re.sub(r'"[^"]*"', "", line) for line in drawn.splitlines()] == [
        re.sub(r'"[^"]*"', "", line) for line in twin_drawn.splitlines()
    ]
    assert len(as_text(known)) == len(as_text(twin_known))
    assert all("\n" not in line and terminal(line) == line for line in as_text(known))
    assert json.loads(as_json(known)).keys() == json.loads(as_json(twin_known)).keys()


def _plain(text: str) -> str:
    """LaTeX without the commands that our own escapes write."""
    return re.sub(r"\\text(?:backslash|less|greater|quotedbl)\{\}|\\[\^~]\{\}|\\[{}$&#%_]", "", text)


def test_every_label_has_balanced_braces_in_latex() -> None:
    for text in [*SEEN.values(), *QUOTED.values(), *HIDDEN.values()]:
        told = _plain(latex(text))
        assert not set(told) & set("{}$&#%\\^~"), text


def test_json_inside_a_page_ends_no_element() -> None:
    for text in [*SEEN.values(), *QUOTED.values(), *HIDDEN.values()]:
        told = script_json({"a": [text]})
        assert not set(told) & set("<>&\u2028\n\r") and json.loads(told) == {"a": [text]}


def test_a_table_has_one_line_a_row_and_comes_back() -> None:
    texts = [*SEEN.values(), *QUOTED.values(), "'", "''", "'+1", "", "-", "=", "-1"]
    table = Table({"group": np.array(texts, object), "value": np.arange(float(len(texts)))})
    written = csv_text(table)
    assert len(written.splitlines()) == len(texts) + 1
    read = pd.read_csv(io.StringIO(written), dtype={"group": str}, keep_default_na=False)
    assert [csv_words(cell) for cell in read["group"]] == texts
    assert not any(cell[:1] in ("=", "+", "-", "@") for cell in read["group"] if cell)
    assert all(csv_words(csv_cell(text)) == text for text in [*texts, *HIDDEN.values()])


def test_a_run_writes_texts_as_they_are(tmp_path: Path) -> None:
    one = loaded({**everywhere("formula"), "category": "[/x]", "other category": "@x", "drawn label": "'=1"})
    results = one.run(steps=6, backend="reference", out=tmp_path / "out")
    Elements((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    again = read_results(tmp_path / "out")
    assert set(again.observations["group"]) == set(results.observations["group"]) >= {"[/x]", "@x", "'=1"}
    written = (tmp_path / "out" / "observations.csv").read_text(encoding="utf-8")
    assert len(written.splitlines()) == len(results.observations) + 1


# ------------------------------------------------------------------ data files and other names


def test_cells_and_headers_of_files_are_data(tmp_path: Path) -> None:
    tried = 0
    for text in [*HIDDEN.values(), *SEEN.values(), *QUOTED.values(), *LONG.values()]:
        for header, cell in (("side", text), (text, "a")):
            rows = pd.DataFrame({header: [cell, "a"]}).to_csv(index=False)
            (tmp_path / "people.csv").write_bytes(rows.encode())
            model = (
                model_text({}).split("agent the_agent")[0] + 'agent P from "people.csv"\n  side category one of a, b\n'
            )
            (tmp_path / "town.lpm").write_text(model, encoding="utf-8")
            report = Report()
            check_source(Source("town.lpm", model, tmp_path / "town.lpm"), report)
            errors = [d for d in report.diagnostics if d.severity == "error"]
            assert errors, (header, cell)
            assert all(len(render_text(d)) < 3000 and terminal(render_text(d)) == render_text(d) for d in errors)
            tried += 1
    assert tried > 100


def test_how_much_is_tried() -> None:
    pages, formulas, terminals, tables, data = 1, 4, 2, 1, 2
    shown = len(SEEN) * sum(what != "prompt" for what in PLACES.values()) * (len(GENERATED) + 2)
    heavy = sum(len(set(HEAVY[n])) for n in HEAVY) * (pages + formulas)
    refused = (len(HIDDEN) + len(LONG) + len(QUOTED)) * len(PLACES) * terminals
    named = len(NAMES) * (len(HIDDEN) + len(SEEN) + len(QUOTED) + len(LONG))
    assert shown + heavy + refused + named + (tables + data) * len(SEEN) > 5_000
    assert harmless("state") not in model_text(everywhere("script"))

"""Every feature of the language server, asked over its standard streams by a client that speaks the protocol alone."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compiler_tests.support.lsp_client import LspClient, lsp_client, where

MODELS = Path(__file__).parent.parent.parent / "models"
TOWN = (MODELS / "town_flu.lpm").read_text(encoding="utf-8")
LIBRARY = """\
## An illness.
library ill version 1.0

## Days until somebody infects.
parameter latency = 2 days
  source "A <b>paper</b> by *somebody*"

condition Illness of Person
  states S, E, I, R
  start S except 10 Person in E
  from S by contagion to E
  from E after exponential(mean latency) to I
  from I after exponential(mean 2 * latency) to R

network town joins Person at random with 10 contacts per day

contagion of Illness
  from I on town at 0.05 per contact
"""
MODEL = """\
model m version 1.0
use "ill" as flu with latency = 3 days

clock
  step 1 day
  for 30 days

agent Person count 1_000
  old yes/no ~ bernoulli(20 %)

parameter longer = 2 * flu_latency
parameter chance = 1 / flu_latency

observe ill = count of Person where flu_Illness is I and not old
observe share_ill = ill / population
observe new = number entering I of flu_Illness per week
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    (folder / "ill.lpm").write_text(LIBRARY, encoding="utf-8")
    (folder / "m.lpm").write_text(MODEL, encoding="utf-8")
    (folder / "town.lpm").write_text(TOWN, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[LspClient]:
    with lsp_client(folder) as found:
        for name in ("m.lpm", "town.lpm"):
            assert [d for d in found.published(found.open(folder / name)) if d["severity"] == 1] == []
        yield found


def uri(folder: Path, name: str) -> str:
    return (folder / name).as_uri()


def words(text: str, range_: dict[str, Any]) -> str:
    """The characters of one line in a range of ASCII text."""
    start, end = range_["start"], range_["end"]
    assert start["line"] == end["line"]
    return text.split("\n")[start["line"]][start["character"] : end["character"]]


# ------------------------------------------------------------------ hover


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        ("at |transmissibility", ["= 0.02 per contact", "Chance that one contact between an infectious"]),
        ("vacc|ine_effect where", ["= 59 %", r"Source: Osterholm et al. 2012, Lancet Infect Dis 12\:36-44"]),
        ("hospital_|risk[age", ["table hospital_risk by age_group", "probability"]),
        ("from |H on homes", ["state `H` of Flu", "from H after gamma(mean 8 days, sd 4 days)"]),
        ("removed in |D", ["Nobody leaves it."]),
        ("age_group is |elder", [r"label `elder` of Person.age\_group"]),
        ("where |vaccinated", ["vaccinated yes/no = no", "yes/no", "changes while the model runs"]),
        ("on |homes, classes", ["network homes joins Person sharing household"]),
        ("= |reported / population", ["observe reported"]),
        ("after |lognormal(mean 5", ["lognormal(mean, sd)", "lognormal(median, spread)"]),
        ("sd 1 |day) to I", ["1 days"]),
        ("  |removed in", ["removed in STATE"]),
        ("|contagion of Flu", ["contagion of CONDITION"]),
    ],
)
def test_hover_tells_what_is_known(client: LspClient, folder: Path, mark: str, told: list[str]) -> None:
    found = client.at("hover", uri(folder, "town.lpm"), TOWN, mark)
    assert found["contents"]["kind"] == "markdown"
    assert all(words in found["contents"]["value"] for words in told), found["contents"]["value"]


def test_hover_of_a_condition_tells_r0_when_it_is_known(client: LspClient, folder: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(0.05)
        told = client.at("hover", uri(folder, "town.lpm"), TOWN, "contagion of |Flu")["contents"]["value"]
        if "R0 = 1.3" in told:
            return
    pytest.fail(told)


def test_hover_takes_the_words_of_a_library_for_words(client: LspClient, folder: Path) -> None:
    """Remarks and sources come from strangers: no element, link or emphasis comes out of them."""
    told = client.at("hover", uri(folder, "m.lpm"), MODEL, "2 * |flu_latency")["contents"]["value"]
    assert r"Source: A \<b\>paper\</b\> by \*somebody\*" in told
    assert "= 3 days" in told, "the value that the model sets"
    assert "ill.lpm" in told


# ------------------------------------------------------------------ definition, references, highlights


@pytest.mark.parametrize(
    ("text", "name", "mark", "target", "line"),
    [
        (TOWN, "town.lpm", "at |transmissibility", "town.lpm", "parameter transmissibility = 0.02 per contact"),
        (TOWN, "town.lpm", "from |H on homes", "town.lpm", "  states S, E, I, H, R, D"),
        (TOWN, "town.lpm", "  child |adult 1.6", "town.lpm",
         "  age_group category = band of age at 18 years, 65 years named child, adult, elder"),
        (TOWN, "town.lpm", "without |campaign", "town.lpm", "intervention campaign"),
        (MODEL, "m.lpm", "2 * |flu_latency", "ill.lpm", "parameter latency = 2 days"),
        (MODEL, "m.lpm", "with |latency", "ill.lpm", "parameter latency = 2 days"),
        (MODEL, "m.lpm", "flu_Illness is |I", "ill.lpm", "  states S, E, I, R"),
        (MODEL, "m.lpm", 'use "i|ll"', "ill.lpm", "## An illness."),
    ],
)  # fmt: skip
def test_definition_leads_to_the_declaration(
    client: LspClient, folder: Path, text: str, name: str, mark: str, target: str, line: str
) -> None:
    [found] = client.at("definition", uri(folder, name), text, mark)
    assert found["uri"] == uri(folder, target)
    there = (folder / target).read_text(encoding="utf-8").split("\n")
    assert there[found["range"]["start"]["line"]] == line


def test_references_are_found_in_every_text_of_the_folder(client: LspClient, folder: Path) -> None:
    found = client.at(
        "references", uri(folder, "m.lpm"), MODEL, "2 * |flu_latency", context={"includeDeclaration": True}
    )
    texts = {uri(folder, "m.lpm"): MODEL, uri(folder, "ill.lpm"): LIBRARY}
    places = sorted((Path(f["uri"]).name, words(texts[f["uri"]], f["range"])) for f in found)
    assert places == [
        *[("ill.lpm", "latency")] * 3, ("m.lpm", "flu_latency"), ("m.lpm", "flu_latency"), ("m.lpm", "latency"),
    ]  # fmt: skip
    without = client.at(
        "references", uri(folder, "m.lpm"), MODEL, "2 * |flu_latency", context={"includeDeclaration": False}
    )
    assert len(without) == len(found) - 1


def test_a_name_is_highlighted_where_it_stands(client: LspClient, folder: Path) -> None:
    found = client.at("documentHighlight", uri(folder, "town.lpm"), TOWN, "where |vaccinated")
    assert {words(TOWN, f["range"]) for f in found} == {"vaccinated"} and len(found) == 4
    assert [f["kind"] for f in found].count(3) == 1, "it is declared once"


# ------------------------------------------------------------------ rename


def edited(client: LspClient, folder: Path, name: str, text: str, mark: str, new: str) -> dict[str, str]:
    """The texts after a renaming, by their names."""
    change = client.at("rename", uri(folder, name), text, mark, newName=new)
    texts: dict[str, str] = {}
    for address, edits in change["changes"].items():
        lines = (folder / Path(address).name).read_text(encoding="utf-8").split("\n")
        for edit in sorted(edits, key=lambda e: (e["range"]["start"]["line"], -e["range"]["start"]["character"])):
            start, end = edit["range"]["start"], edit["range"]["end"]
            line = lines[start["line"]]
            lines[start["line"]] = line[: start["character"]] + edit["newText"] + line[end["character"] :]
        texts[Path(address).name] = "\n".join(lines)
    return texts


@pytest.mark.parametrize(
    ("mark", "old", "new"),
    [
        ("at |transmissibility", "transmissibility", "tau"),
        ("on |homes, classes", "homes", "households"),
        ("where |vaccinated", "vaccinated", "is_vaccinated"),
        ("age_group is |elder", "elder", "old"),
        ("start |S except", "S", "Sus"),
        ("of |deaths, peak", "deaths", "died"),
        ("without |campaign", "campaign", "shots"),
        ("[|age_group]", "age_group", "group"),
    ],
)
def test_rename_changes_the_name_and_nothing_else(
    client: LspClient, folder: Path, mark: str, old: str, new: str
) -> None:
    texts = edited(client, folder, "town.lpm", TOWN, mark, new)
    expected = "\n".join(
        line if line.startswith("##") else re.sub(rf"\b{old}\b", new, line) for line in TOWN.split("\n")
    )
    assert texts == {"town.lpm": expected}


def test_rename_of_a_library_changes_the_models_that_use_it(client: LspClient, folder: Path) -> None:
    texts = edited(client, folder, "m.lpm", MODEL, "2 * |flu_latency", "flu_delay")
    assert texts == {"m.lpm": MODEL.replace("latency", "delay"), "ill.lpm": LIBRARY.replace("latency", "delay")}


def test_rename_of_an_alias_changes_every_name_that_begins_with_it(client: LspClient, folder: Path) -> None:
    texts = edited(client, folder, "m.lpm", MODEL, "as |flu", "ili")
    assert texts == {"m.lpm": MODEL.replace("flu", "ili")}


@pytest.mark.parametrize(
    ("name", "mark", "new", "reason"),
    [
        ("town.lpm", "at |transmissibility", "where", "is a word of the language"),
        ("town.lpm", "at |transmissibility", "2x", "is no name"),
        ("town.lpm", "at |transmissibility", "a b", "is no name"),
        ("town.lpm", "at |transmissibility", "reporting", "has an error: `reporting` is declared twice"),
        ("town.lpm", "at |transmissibility", "vaccinated", "has an error"),
        ("town.lpm", "start |S except", "E", "State `E` is listed twice"),
        ("town.lpm", "age_group is |elder", 'a"b', "A label in quotes"),
        ("town.lpm", "|removed in", "x", "Here stands no name"),
        ("m.lpm", "2 * |flu_latency", "latency", "belongs to the `use` line"),
    ],
)
def test_rename_refuses_what_would_break_a_model(
    client: LspClient, folder: Path, name: str, mark: str, new: str, reason: str
) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    given = {**where(uri(folder, name), text, mark), "newName": new}
    told = client.answer("textDocument/rename", given)
    assert reason in told["error"]["message"], told


def test_rename_refuses_a_name_that_a_user_of_the_library_has(tmp_path: Path) -> None:
    """The model does not read the parameter, so nothing in it would change, and it would be broken."""
    (tmp_path / "ill.lpm").write_text(LIBRARY, encoding="utf-8")
    (tmp_path / "m.lpm").write_text(MODEL.replace(" as flu with latency = 3 days", "").replace("flu_", ""), "utf-8")
    with lsp_client(tmp_path) as client:
        address = client.open(tmp_path / "ill.lpm")
        told = client.answer("textDocument/rename", {**where(address, LIBRARY, "mean |latency)"), "newName": "longer"})
        assert "m.lpm has an error: `longer` is declared twice" in told["error"]["message"]
        done = client.at("rename", address, LIBRARY, "mean |latency)", newName="delay")
        assert set(done["changes"]) == {address, (tmp_path / "m.lpm").as_uri()}


def test_what_can_be_renamed_is_said_before(client: LspClient, folder: Path) -> None:
    found = client.at("prepareRename", uri(folder, "town.lpm"), TOWN, "at |transmissibility")
    assert found["placeholder"] == words(TOWN, found["range"]) == "transmissibility"
    told = client.answer("textDocument/prepareRename", where(uri(folder, "town.lpm"), TOWN, "|removed in"))
    assert "Here stands no name" in told["error"]["message"]


def test_a_bundled_library_is_not_renamed(client: LspClient, folder: Path) -> None:
    text = MODEL.replace('"ill" as flu with latency = 3 days', '"lpm/households/uk_2021"')
    address = client.open(folder / "bundled.lpm", text + "table x of share\n  1 100 %\n")
    found = client.request("textDocument/documentSymbol", {"textDocument": {"uri": address}})
    assert [s["name"] for s in found if s["kind"] == 4] == ["lpm/households/uk_2021"]
    client.close(address)


# ------------------------------------------------------------------ whole texts


def test_formatting_writes_what_the_command_writes(client: LspClient, folder: Path) -> None:
    ragged = TOWN.replace("  step 1 day", "    step   1 day").replace(
        "beta(mean 30 %, sd 10 %)", "beta( mean 30%,sd 10% )"
    )
    address = client.open(folder / "ragged.lpm", ragged)
    options = {"tabSize": 2, "insertSpaces": True}
    [edit] = client.request("textDocument/formatting", {"textDocument": {"uri": address}, "options": options})
    assert edit["newText"] == TOWN
    assert edit["range"]["start"] == {"line": 0, "character": 0}
    client.change(address, TOWN)
    assert not client.request("textDocument/formatting", {"textDocument": {"uri": address}, "options": options})
    client.change(address, TOWN + "parameter\n")
    assert not client.request("textDocument/formatting", {"textDocument": {"uri": address}, "options": options})
    client.close(address)


def test_the_outline_has_states_and_attributes(client: LspClient, folder: Path) -> None:
    found = client.request("textDocument/documentSymbol", {"textDocument": {"uri": uri(folder, "town.lpm")}})
    parts = {s["name"]: [p["name"] for p in s.get("children") or []] for s in found}
    assert parts["Flu"] == ["S", "E", "I", "H", "R", "D"]
    assert parts["Person"] == ["age", "age_group", "household", "school", "workplace", "vaccinated"]
    assert {"town_flu", "clock", "contagion of Flu", "check R0 of Flu between 1.2 and 3"} <= set(parts)
    for symbol in found:
        assert symbol["range"]["start"]["line"] <= symbol["selectionRange"]["start"]["line"]
        assert symbol["selectionRange"]["end"]["line"] <= symbol["range"]["end"]["line"]


def test_declarations_fold(client: LspClient, folder: Path) -> None:
    found = client.request("textDocument/foldingRange", {"textDocument": {"uri": uri(folder, "town.lpm")}})
    lines = TOWN.split("\n")
    folds = {lines[f["startLine"]]: lines[f["endLine"]] for f in found}
    assert folds["clock"] == "  from 2024-10-01 for 180 days"
    assert folds["condition Flu of Person"] == "  removed in D"
    assert folds["  from I after lognormal(mean 5 days, sd 2 days)"] == "    to R otherwise"


def test_colours_say_what_a_word_is(client: LspClient, folder: Path) -> None:
    legend = client.capabilities["semanticTokensProvider"]["legend"]
    data = client.request("textDocument/semanticTokens/full", {"textDocument": {"uri": uri(folder, "town.lpm")}})[
        "data"
    ]
    found: dict[str, set[str]] = {}
    line = column = 0
    lines = TOWN.split("\n")
    for i in range(0, len(data), 5):
        line, column = line + data[i], data[i + 1] + (column if data[i] == 0 else 0)
        word = lines[line][column : column + data[i + 2]]
        found.setdefault(word, set()).add(legend["tokenTypes"][data[i + 3]])
    assert found["condition"] == {"keyword"} and found["transmissibility"] == {"variable"}
    assert found["H"] == {"enumMember"} and found["Person"] == {"class"} and found["age_group"] == {"property"}
    assert found["gamma"] == {"function"} and found["days"] == {"type"} and found["180"] == {"number"}
    assert found["homes"] == {"interface"} and found["Flu"] == {"enum"}
    assert found["## Influenza in a town, with a vaccination campaign that incidence triggers."] == {"comment"}


def test_units_of_formulas_are_shown(client: LspClient, folder: Path) -> None:
    lines = MODEL.split("\n")
    given = {"start": {"line": 0, "character": 0}, "end": {"line": len(lines), "character": 0}}
    found = client.request("textDocument/inlayHint", {"textDocument": {"uri": uri(folder, "m.lpm")}, "range": given})
    told = {lines[h["position"]["line"]][: h["position"]["character"]]: h["label"] for h in found}
    assert told["parameter longer"] == ": days" and told["parameter chance"] == ": per day"


@pytest.mark.parametrize(
    ("typed", "labels", "active"),
    [
        ("  from I after gamma(|", {"gamma(mean, sd)", "gamma(shape, scale)"}, ("gamma(mean, sd)", "mean")),
        ("  from I after gamma(mean 2 days, |", {"gamma(mean, sd)"}, ("gamma(mean, sd)", "sd")),
        ("  from I after gamma(shape 2, scale |", set(), ("gamma(shape, scale)", "scale")),
        ("  from I at rate 1 per day * max(2, |", {"max(a, b, …)"}, ("max(a, b, …)", "b")),
        ("  from I at rate 1 per day * exp(|", {"exp(x)"}, ("exp(x)", "x")),
    ],
)
def test_signatures_show_the_argument_that_is_written(
    client: LspClient, folder: Path, typed: str, labels: set[str], active: tuple[str, str]
) -> None:
    after = "states S, E, I, H, R, D\n"
    text = TOWN.replace(after, f"{after}{typed.replace('|', '')}\n")
    address = client.open(folder / "typed.lpm", text)
    found = client.at("signatureHelp", address, text, typed)
    signature = found["signatures"][found["activeSignature"]]
    assert labels <= {s["label"] for s in found["signatures"]}
    assert (signature["label"], signature["parameters"][found["activeParameter"]]["label"]) == active
    client.close(address)


def test_a_network_generator_has_a_signature(client: LspClient, folder: Path) -> None:
    typed = "network ring joins Person as small_world(degree 4, |"
    text = f"{TOWN}{typed.replace('|', '')}\n"
    address = client.open(folder / "ring.lpm", text)
    found = client.at("signatureHelp", address, text, typed)
    assert found["signatures"][0]["label"] == "small_world(degree, rewiring)" and found["activeParameter"] == 1
    client.close(address)

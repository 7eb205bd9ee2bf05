"""Names, units, files and facts: what the checker accepts, refuses and makes of a model."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import lpmdsl
from lpmdsl.backends.llvm.names import NAMES
from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Diagnostic, LpmError, Report
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analyse import Facts
from lpmdsl.semantics.builtins import GENERATED
from lpmdsl.source import Source

MODELS = Path(__file__).parent.parent.parent / "models"
BACKENDS = Path(lpmdsl.__file__).parent / "backends"

BASE = """\
model example version 1.0

clock
  step 1 day
  from 2024-10-01 for 60 days

parameter beta = 0.3 per day

{top}
agent Person {people}

network town joins Person at random

condition Flu of Person
  states S, I, R
  start S except 10 Person in I
  from S by contagion to I
  from I {exit} to R

contagion of Flu
  from I on town at {rate}

observe cases = number entering I per week
{end}
"""
FLU = """\
library flu version 1.2

parameter illness = 5 days
parameter unused_by_flu = 3

condition Flu of Person
  states S, I, R
  start S except share 1 % in I
  from S by contagion to I
  from I after exponential(mean illness) to R

contagion of Flu
  from I on town at 0.3 per day

condition Cold of Person
  states S, C
  start S
  from S after exponential(mean 9 days) to C
"""
SMALL = """\
model example version 1.0

clock
  step 1 day
  for 60 days

{use}

agent Person count 1_000

network town joins Person at random
"""


AFTER = "after exponential(mean 5 days)"


def text(top: str = "", people: str = "count 1_000", exit: str = AFTER, rate: str = "beta", end: str = "") -> str:
    return BASE.format(top=top, people=people, exit=exit, rate=rate, end=end)


def diagnose(words: str, folder: Path | None = None) -> tuple[tuple[m.Model, Facts] | None, list[Diagnostic]]:
    report = Report()
    path = folder / "example.lpm" if folder else None
    if path is not None:
        path.write_text(words, encoding="utf-8")
    found = check_source(Source("example.lpm", words, path), report)
    return found, [d for d in report.sorted() if d.severity != "note"]


def codes(words: str, folder: Path | None = None) -> list[str]:
    return [d.code for d in diagnose(words, folder)[1]]


def checked(words: str, folder: Path | None = None) -> tuple[m.Model, Facts]:
    found, told = diagnose(words, folder)
    assert found is not None, told
    return found


# ------------------------------------------------------------------ units


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        ("beta", []),
        ("2.1 per week", []),
        ("0", []),
        ("beta * 2", []),
        ("0.01 / (3 days)", []),
        ("1 / (5 days)", []),
        ("max(beta, 0.1 per day)", []),
        ("beta * exp(-time / (30 days))", []),
        ("beta * (1 + 0.2 * sin(2 * pi * time / (1 year)))", []),
        ("beta * beta", ["E0609"]),
        ("beta + 1 day", ["E0302"]),
        ("beta + 0.1", ["E0301"]),
        ("beta + 0", []),
        ("beta ^ 2 * 1 day", []),
        ("beta * 2 ^ beta", ["E0308"]),
        ("beta * log(beta)", ["E0308"]),
        ("sqrt(beta * beta)", []),
        ("30 %", ["E0305"]),
        ("-beta", ["E0316"]),
        ("beta * cases", ["E0609"]),
        ("beta * cases / (100 people per week)", []),
        ("beta * min(1, cases / (100 per week))", ["E0609"]),
    ],
)
def test_the_rate_of_a_contagion_is_per_time(rate: str, expected: list[str]) -> None:
    assert [code for code in codes(text(rate=rate)) if code != "W0615"] == expected


@pytest.mark.parametrize(
    ("exit", "expected"),
    [
        ("after exponential(rate 0.2 per day)", []),
        ("after exponential(mean 0.2 per day)", ["E0303"]),
        ("after exponential(mean 5)", ["E0301"]),
        ("after gamma(shape 2, scale 3 days)", []),
        ("after gamma(shape 2 days, scale 3 days)", ["E0303"]),
        ("after weibull(k 2, scale 3 days)", []),
        ("after erlang(mean 5 days, shape 2.5)", ["E0316"]),
        ("after lognormal(median 5 days, spread 0.9)", ["E0316"]),
        ("after uniform(2 days, 6 days)", []),
        ("after uniform(6 days, 2 days)", ["E0316"]),
        ("after fixed(36 hours)", []),
        ("after exponential(mean time)", ["E0314"]),
        ("after beta(mean 30 %, sd 10 %)", ["E0312"]),
        ("at rate 0.2 per day", []),
        ("at rate 20 %", ["E0305"]),
        ("with probability 20 % every week", []),
        ("with probability 0.2 per day every week", ["E0304"]),
        ("with probability 20 % every 12 hours", ["E0705"]),
        ("when time > 20 days", []),
        ("when time > 20", ["E0301"]),
        ("when cases > 50 per week", []),
        ("when count of Person where Flu is I > 5", []),
    ],
)
def test_ways_out_of_a_state(exit: str, expected: list[str]) -> None:
    assert codes(text(exit=exit)) == expected


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("check always count of Person where Flu is R <= 500", []),
        ("check always count of Person where Flu is R <= population", []),
        ("check always share of Person where Flu is R <= 50 %", []),
        ("check always count of Person where Flu is R <= 5 days", ["E0302"]),
        ("observe incidence = cases / population\ncheck always incidence < 50 per 100_000 per week", []),
        ("observe incidence = cases / population\ncheck always incidence < 50 per week", []),
        ("observe incidence = cases / population\ncheck always incidence < 50", ["E0301"]),
    ],
)
def test_a_bare_count_reads_as_people(end: str, expected: list[str]) -> None:
    assert codes(text(end=end)) == expected


def test_the_message_names_the_unit_to_write() -> None:
    [told] = [
        d for d in diagnose(text(rate="0.3", end="check R0 of Flu between 1 and beta / beta"))[1] if d.code == "E0301"
    ]
    assert told.help == "Write `0.3 per day`."


def test_one_error_does_not_hide_or_breed_others() -> None:
    words = text(
        top="parameter p = nowhere * 2\nparameter q = p + 1", rate="beta * p * q", exit="after gamma(mean 5 days)"
    )
    assert codes(words) == ["E0201", "E0311"]


# ------------------------------------------------------------------ probabilities

SPLIT = AFTER + "\n    to S with probability {p}\n    to R with probability {q}\n  from R at rate 0.1 per day"


@pytest.mark.parametrize(
    ("p", "q", "expected"),
    [
        ("40 %", "60 %", []),
        ("40 %", "50 %", ["E0502"]),
        ("40 %", "70 %", ["E0503"]),
        ("risk", "1 - risk", []),
        ("risk", "0.5", ["E0503"]),
        ("risk * 2", "0", ["E0504"]),
        ("by_age[age_group]", "1 - by_age[age_group]", []),
        ("by_age[age_group]", "other[age_group]", []),
        ("by_age[age_group]", "by_age[old]", ["E0503"]),
    ],
)
def test_branches_over_bounds_and_tables(p: str, q: str, expected: list[str]) -> None:
    top = (
        "parameter risk = 0.3\n  between 0 and 0.9\n"
        "table by_age by age_group of probability\n  young 10 %\n  old 95 %\n"
        "table other by age_group of probability\n  young 90 %\n  old 5 %\n"
    )
    people = "count 1_000\n  age number ~ uniform(0, 90)\n  age_group category = band of age at 40 named young, old"
    words = text(top, people, SPLIT.format(p=p, q=q)).replace("0.1 per day to R", "0.1 per day to S")
    assert [c for c in codes(words) if c not in ("W0615", "W0628")] == expected


# ------------------------------------------------------------------ files

PEOPLE = 'from "people.csv"\n  age duration\n  borough category one of north, south'


@pytest.mark.parametrize(
    ("header", "bad_row", "people", "expected"),
    [
        ("age [years],borough", "", PEOPLE, []),
        ("age [years],borough", "", "count 30 " + PEOPLE, ["E0410"]),
        ("age [years],burough", "", PEOPLE, ["E0407"]),
        ("age,borough", "", PEOPLE, ["E0409"]),
        ("age [USD],borough", "", PEOPLE, ["E0409"]),
        ("age [yeers],borough", "", PEOPLE, ["E0409"]),
        ("age [years],borough", "old,north\n", PEOPLE, ["E0408"]),
        ("age [years],borough", ",north\n", PEOPLE, ["E0415"]),
        ("age [years],borough", "41,nort\n", PEOPLE, ["E0411"]),
        ("age [years],borough", "41\n", PEOPLE, ["E0406"]),
    ],
)
def test_a_population_from_a_file(tmp_path: Path, header: str, bad_row: str, people: str, expected: list[str]) -> None:
    rows = "".join(f"{20 + i},{'north' if i % 2 else 'south'}\n" for i in range(20))
    (tmp_path / "people.csv").write_text(f"{header}\n{rows}{bad_row}", encoding="utf-8")
    assert codes(text(people=people), tmp_path) == expected


def test_the_report_names_the_row_and_how_many_are_missing(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("age [years],borough\n30,north\nx,south\n", encoding="utf-8")
    told = diagnose(text(people="count 12 " + PEOPLE), tmp_path)[1]
    assert "Row 3 of `people.csv`" in told[1].message and "10 too few" in told[0].message


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"\x00\x00", b"a,a\n1,2\n", b'a,"b\n1,2\n'])
def test_a_file_that_is_no_table(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "people.csv").write_bytes(content)
    assert set(codes(text(people=PEOPLE), tmp_path)) <= {"E0406", "E0407"} != set()


def test_labels_of_a_file_are_its_sorted_texts(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("borough\n" + "south\nnorth\n" * 9, encoding="utf-8")
    model, _ = checked(text(people='from "people.csv"\n  borough category'), tmp_path)
    assert model.agent("Person").attributes[0].type.labels == ("north", "south")


@pytest.mark.parametrize("count", ["0", "1_000_000_000_000", "2.5"])
def test_impossible_numbers_of_agents(count: str) -> None:
    assert codes(text(people=f"count {count}").replace("10 Person", "share 1 %")) == ["E0602"]


# ------------------------------------------------------------------ imports


def with_library(folder: Path, use: str, library: str = FLU) -> str:
    (folder / "flu.lpm").write_text(library, encoding="utf-8")
    return SMALL.format(use=use)


def test_only_brings_what_it_needs(tmp_path: Path) -> None:
    model, _ = checked(with_library(tmp_path, 'use "flu" version 1.2 only condition Flu'), tmp_path)
    assert [c.name for c in model.conditions] == ["Flu"]
    assert [p.name for p in model.parameters] == ["illness"]
    assert [c.condition for c in model.contagions] == ["Flu"]


def test_as_puts_a_prefix_and_with_sets_a_value(tmp_path: Path) -> None:
    use = 'use "flu" only condition Flu as bad with illness = 9 days'
    model, _ = checked(with_library(tmp_path, use), tmp_path)
    assert model.condition("bad_Flu").states == ("S", "I", "R")
    illness = model.parameter("bad_illness").default
    assert isinstance(illness, m.Literal_) and illness.value == 9


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ('use "flu" version 2.0', ["E0208"]),
        ('use "flue"', ["E0207"]),
        ('use "flu" only condition Flue', ["E0210"]),
        ('use "flu" only condition Flu with ilness = 9 days', ["E0211"]),
        ('use "flu" only condition Flu with illness = 9 per day', ["E0303"]),
        ('use "flu" only condition Flu\nuse "flu" only condition Cold', []),
        ('use "flu" only condition Flu\nuse "flu" only condition Flu', []),
        ('use "flu" only condition Flu\nparameter illness = 3 days', ["E0202"]),
        ('use "flu" only condition Flu\nextend Person\n  tall yes/no = no', []),
        ('use "flu" only condition Flu\nextend Human\n  tall yes/no = no', ["E0601"]),
    ],
)
def test_imports(tmp_path: Path, use: str, expected: list[str]) -> None:
    assert codes(with_library(tmp_path, use), tmp_path) == expected


def test_an_imported_condition_needs_its_agents(tmp_path: Path) -> None:
    words = with_library(tmp_path, 'use "flu" only condition Flu').replace("Person", "Human")
    assert set(codes(words, tmp_path)) >= {"E0212"}


def test_a_circle_of_files_names_the_chain(tmp_path: Path) -> None:
    (tmp_path / "a.lpm").write_text('library a version 1.0\n\nuse "b"\n', encoding="utf-8")
    (tmp_path / "b.lpm").write_text('library b version 1.0\n\nuse "a"\n', encoding="utf-8")
    told = diagnose(SMALL.format(use='use "a"'), tmp_path)[1]
    assert [d.code for d in told] == ["E0209"] and "a.lpm uses b.lpm uses a.lpm" in told[0].message


def test_the_bundled_libraries_are_found(tmp_path: Path) -> None:
    assert codes(SMALL.format(use='use "lpm/natural_histories/nowhere"'), tmp_path) == ["E0207"]


# ------------------------------------------------------------------ the model


@pytest.fixture(scope="module")
def town() -> tuple[m.Model, Facts]:
    path = MODELS / "town_flu.lpm"
    return checked(path.read_text(encoding="utf-8"), None)


def test_sites_are_those_of_the_numeric_contract(town: tuple[m.Model, Facts]) -> None:
    flu = town[0].condition("Flu")
    assert [e.site for e in flu.exits] == ["Flu.S.exit0", "Flu.E.exit0", "Flu.I.exit0", "Flu.H.exit0"]
    assert flu.start.exceptions[0].site == "Flu.start.except0"
    assert town[0].intervention("campaign").repeated[0].site == "campaign.each0"


def test_observations_have_periods_groups_and_units(town: tuple[m.Model, Facts]) -> None:
    model, _ = town
    infections, incidence, beds = (model.observation(n) for n in ("infections", "incidence", "in_hospital"))
    assert infections.groups == ("child", "adult", "elder") and infections.every == 1
    assert (incidence.unit, incidence.every) == ("per week", 7) and incidence.scale == pytest.approx(1 / 7)
    assert (beds.unit, beds.every, beds.of) == ("people", 1, "Person")


def test_facts(town: tuple[m.Model, Facts]) -> None:
    model, facts = town
    assert facts.absorbing["Flu"] == ("R", "D") and facts.cyclic == ()
    assert facts.reachable["Flu"] == model.condition("Flu").states
    assert facts.readers["parameter vaccine_effect"] == ("contagion Flu",)
    assert next(a for a in model.agent("Person").attributes if a.name == "vaccinated").is_changed


@pytest.mark.parametrize(
    ("exit", "end", "cyclic"),
    [
        (AFTER, "", False),
        (AFTER + "\n    to S with probability 10 %\n    to R otherwise\n#", "", True),
        (AFTER, "intervention reset\n  every week for Person where Flu is R\n    move Flu to S", True),
        (AFTER, "intervention cure\n  every week for Person where Flu is I\n    move Flu to R", False),
    ],
)
def test_is_cyclic(exit: str, end: str, cyclic: bool) -> None:
    model, _ = checked(text(exit=exit, end=end))
    assert model.condition("Flu").is_cyclic is cyclic


@pytest.mark.parametrize("path", sorted(MODELS.glob("*.lpm")), ids=lambda path: path.stem)
def test_losing_any_line_of_a_model_never_breaks_the_checker(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").split("\n")
    kept = [i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")]
    for i in kept[::3]:
        words = "\n".join(lines[:i] + lines[i + 1 :])
        report = Report()
        found = check_source(Source(path.name, words, path), report)
        assert found is not None or report.has_errors


def test_names_of_generated_code_are_not_those_of_agents_and_conditions() -> None:
    """All that the kernels call or compute with; a parameter may be called so."""
    words = GENERATED
    functions = ast.parse((BACKENDS / "triton/prelude.py").read_text(encoding="utf-8")).body
    named = {f.name for f in functions if isinstance(f, ast.FunctionDef) and not f.name.startswith("_")}
    assert named | set(NAMES) <= words, (named | set(NAMES)) - words
    text = (MODELS / "sir_network.lpm").read_text(encoding="utf-8")
    for word in ("philox", "seed", "lambda", "CHUNK"):
        for kind, name in (("agent", "Person"), ("condition", "Infection")):
            report = Report()
            assert check_source(Source("m.lpm", text.replace(name, word)), report) is None
            assert "E0204" in {d.code for d in report.diagnostics}, (kind, word)
    for word in ("Infection_left", "Person_age", "observed_infectious"):  # what is kept for others
        clash = f"condition {word} of Person\n  states A, B\n  start A\n  from A after fixed(3 days) to B\n"
        seen = f"observe b = count of Person where {word} is B and age > 0.5 every day\n"
        aged = text.replace("count 20_000\n", "count 100\n  age number ~ uniform(0, 1)\n")
        with pytest.raises(LpmError, match="E0204"):
            lpmdsl.load(f"{aged}\n{clash}\n{seen}").run(seed=1)
    assert lpmdsl.load(text.replace("per_tie", "philox")).run(seed=1, agents={"Person": 100}, steps=2).observations.size

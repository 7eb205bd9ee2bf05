"""Messages of the checker and the analysis about behaviours; the pages of the codes show the messages themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler_tests.example_models.behaviour_models import FRIENDS, checked, problems
from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, loaded, request_of
from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Report
from lpmdsl.insight.promises import statements
from lpmdsl.interchange import from_json, to_json
from lpmdsl.quantities import Kind
from lpmdsl.reference import interpreter
from lpmdsl.semantics.analyse import analyse
from lpmdsl.semantics.analysis.archetypes import asking, digits, labels_of_code, most_archetypes, most_calls
from lpmdsl.semantics.analysis.dependencies import parameters_behind
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

CITY = Path(__file__).parent.parent / "city" / "nyc_isolation.lpm"

PEOPLE = """\
model people version 1.0

clock
  step 1 day
  for 28 days

parameter beta = 0.3 per day
parameter line = 700 USD per week
parameter bias = 0
  prior normal(mean 0, sd 1)

agent Person count 1_000
  age duration ~ uniform(0 years, 90 years)
  age_group category = band of age at 18 years, 65 years named child, adult, elder
  income money per week ~ lognormal(median 900 USD per week, spread 1.8)
  home place of size 3
  careful yes/no = no
  kept share = 100 %
  mode category one of bus, feet = bus

agent Dog count 10
  breed category one of pug, poodle = pug

network town joins Person at random

condition Flu of Person
  states S, I, R
  start S except 10 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days) to R

condition Fleas of Dog
  states None, Some
  start None
  from None at rate 0.1 per day to Some

contagion of Flu
  from I on town at beta
  source scaled by 0.3 where careful
  source scaled by kept
  target scaled by 0.5 where mode is feet

observe cases = number entering I per week by age_group
observe dogs = count of Dog by breed
observe ill = share of Person where Flu is I every day

behaviour caring of Person
  decides yes/no into careful
  every week
  knows age_group, Flu
  knows cases in bands at 10, 200 per week
  knows income in bands at line
  asks 20 times per archetype
    "You are {age_group} and {Flu}, earn {income}; {cases} cases. Careful?"
  shifted by bias
  otherwise 10 %

behaviour rest of Person
  decides share into kept by rule 1 - 0.5 * ill
  every day
  knows ill

behaviour going of Person
  decides category into mode
  when ill changes
  knows ill in bands at 5 %
  asks for probabilities
    "{ill} are ill."
  otherwise bus
"""


def test_the_people_are_sound() -> None:
    assert problems(PEOPLE) == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (
            'knows ill in bands at 5 %\n  asks for probabilities\n    "{ill} are ill."',
            "knows ill in bands at 5 %\n  knows age_group, Flu, mode, careful\n"
            "  knows income in bands at " + ", ".join(f"{k} USD per week" for k in range(100, 4000, 100)) + "\n"
            "  remembers the last 6 decisions\n  asks for probabilities\n"
            '    "{ill} {age_group} {Flu} {mode} {careful} {income} {decisions}"',
            "E0737",
        ),
        ("knows ill in bands at 5 %", "knows ill", "E0731"),
        ("knows income in bands at line", "knows income", "E0731"),
        ("knows age_group, Flu", "knows age_group, Flu, beta", "E0731"),
        ("knows age_group, Flu", "knows age_group in bands at 3", "E0731"),
        ("bands at 10, 200 per week", "bands at 200 per week, 10", "E0732"),
        ("bands at 10, 200 per week", "bands at 10, 200 USD", "E0303"),
        ("bands at line", "bands at 700", "E0301"),
        ("bands at line", "bands at 700 days", "E0303"),
        ("bands at line", "bands at age", "E0314"),
        ("knows age_group, Flu", "knows age_group, Flu, home", "E0730"),
        ("knows age_group, Flu", "knows age_group, Flu, Fleas", "E0730"),
        ("knows age_group, Flu", "knows age_group, Flu\n  knows dogs in bands at 3 people", "E0730"),
        ("knows age_group, Flu\n", "knows Flu\n", "E0730"),
        ("knows age_group, Flu", "knows age_group, Flu, age_group", "E0111"),
        ("knows age_group, Flu", "knows age_group, Flu, wealth", "E0201"),
        ("knows age_group, Flu", "knows age_group, Flu, town", "E0206"),
        ("{income};", "{incom};", "E0733"),
        ("{income};", "{};", "E0733"),
        ("{income};", "{income}};", "E0733"),
        ("{income};", "{decisions} {income};", "E0733"),
        ("when ill changes", "when Flu changes", "E0733"),
        ("by rule 1 - 0.5 * ill", "by rule 1 - 0.5 * ill * kept", "E0733"),
        ("by rule 1 - 0.5 * ill", "by rule 1 - 2 * ill", "E0504"),
        ("by rule 1 - 0.5 * ill", "by rule 1 + ill", "E0504"),
        ("by rule 1 - 0.5 * ill", "by rule share of Person where Flu is I", "E0706"),
        ("earn {income};", "earn;", "W0734"),
        ("yes/no into careful", "share into careful", "E0735"),
        ("yes/no into careful", "money into careful", "E0735"),
        ("yes/no into careful", "yes/no into home", "E0735"),
        ("yes/no into careful", "category into age_group", "E0735"),
        ("yes/no into careful", "yes/no into carefull", "E0201"),
        ("otherwise 10 %", "otherwise 110 %", "E0313"),
        ("otherwise 10 %", "otherwise 3 per day", "E0304"),
        ("otherwise 10 %\n", "", "E0112"),
        ("otherwise bus", "otherwise tram", "E0307"),
        ("otherwise 10 %", "otherwise no", None),
        ("asks 20 times", "asks 0 times", "E0316"),
        ("asks 20 times", "asks 1.5 times", "E0316"),
        ("  every week\n", "  every 12 hours\n", "E0705"),
        ("  every week\n", "  every week\n  when Flu changes\n", "E0736"),
        ("  every week\n", "", "E0112"),
        ("otherwise bus", "otherwise bus\n  shifted by bias", "E0736"),
        ("otherwise bus", "otherwise bus\n  remembers the last 9 decisions", "E0316"),
        ("every day\n  knows ill", "every day\n  knows ill\n  remembers the last 2 decisions", "E0736"),
        ("every day\n  knows ill", 'every day\n  knows ill\n  asks for probabilities\n    "{ill}"', "E0736"),
        ("shifted by bias", "shifted by income", "E0314"),
        ("shifted by bias", "shifted by 3 days", "E0303"),
        ("otherwise bus", "otherwise bus\n  at most 200 % fallbacks", "E0313"),
        ("otherwise bus", 'otherwise bus\n  validate against "s.csv" column c by town', "E0733"),
        ("otherwise bus", 'otherwise bus\n  validate against "s.csv" column c within 5 % by guess', "E0905"),
        ("otherwise bus", 'otherwise bus\n  validate against "s.csv" column c by ill within 5 % by rms', None),
        ("behaviour caring of Person", "behaviour caring of Persons", "E0601"),
        ("behaviour caring of Person", "behaviour cases of Person", "E0202"),
        ("  source scaled by kept\n", "", "E0739"),
        ("otherwise bus", "otherwise bus\n\nscenario s\n  with caring", "E0708"),
        ("otherwise bus", "otherwise bus\n\nscenario s\n  without town", "E0206"),
        ("otherwise bus", "otherwise bus\n\nscenario s\n  without going\n\nscenario t\n  with s, caring", "E0708"),
        ("otherwise bus", "otherwise bus\n\nscenario s\n  without caring", None),
        ("otherwise bus", "otherwise bus\n\nscenario s\n  without caring\n  change bias to 2", "E0708"),
        ("otherwise bus", "otherwise bus\n\ncheck calls of caring at most 100", None),
        ("otherwise bus", "otherwise bus\n\ncheck calls of rest at most 100", "E0903"),
        ("otherwise bus", "otherwise bus\n\ncheck calls of town at most 100", "E0206"),
    ],
)
def test_mistakes(old: str, new: str, code: str | None) -> None:
    assert old in PEOPLE
    found = problems(PEOPLE.replace(old, new, 1))
    assert found == ([] if code is None else [code])


def test_labels_are_what_a_reader_would_say() -> None:
    model = checked(PEOPLE)
    caring, rest, going = model.behaviours
    assert [k.labels for k in caring.knows] == [
        ("child", "adult", "elder"),
        ("S", "I", "R"),
        ("below 10", "10 to 200 per week", "200 per week or more", "not yet known"),
        ("below line", "line or more"),
    ]
    assert [k.labels for k in going.knows] == [("below 5 %", "5 % or more", "not yet known")]
    assert most_archetypes(caring) == 3 * 3 * 4 * 2 and most_archetypes(rest) == 0
    assert labels_of_code(caring, 71) == ("elder", "R", "not yet known", "line or more")
    assert labels_of_code(caring, 1) == ("child", "S", "below 10", "line or more")
    assert most_calls(model, caring) == 72 * 20 * 4 and most_calls(model, going) == 3 * 28
    assert [b.name for b in asking(model, "baseline")] == ["caring", "going"]
    assert caring.most_fallbacks == 0.05 and caring.otherwise.type.kind is Kind.SHARE


def test_what_does_not_decide_cannot_be_left_out() -> None:
    twin = "\nbehaviour twin of Person\n  decides yes/no into careful by rule 10 %\n  every day\n"
    scenarios = "\nscenario a\n  with twin\n\nscenario b\n  without twin\n"
    assert problems(PEOPLE + twin + scenarios) == ["E0708"]


def test_the_pages_about_a_model_list_its_behaviours() -> None:
    from lpmdsl.insight.document import document
    from lpmdsl.insight.summary import analysis

    loaded_city = loaded(CITY)
    values = parameter_values(loaded_city.model)
    page = document(loaded_city.model, loaded_city.source, analysis(loaded_city.model, values), values)
    assert "a language model, 1,200 archetypes at most" in page and "Behaviours that are due" in page
    assert "nobody decides anything: `isolating`, `willing_to_work` as at the start" in page


def test_what_analysis_knows() -> None:
    model = checked(PEOPLE + "\ncheck calls of caring at most 5_760\ncheck calls of going at most 10\n")
    facts = analyse(model, Report())
    assert facts.archetypes == {"caring": 72, "going": 3}
    assert "behaviour caring" in facts.readers["observe cases"]
    assert facts.readers["parameter bias"] == ("behaviour caring",)
    assert {"bias", "line", "beta"} <= parameters_behind(model, {"cases"})
    calls = [s for s in statements(model, parameter_values(model)) if s.what.startswith("calls")]
    assert [s.how for s in calls] == ["by the number of archetypes", "counted in every run"]
    asks = [s.what for s in statements(model, parameter_values(model)) if " asks about " in s.what]
    assert asks[0] == "caring asks about at most 72 archetypes at a time, at most 4 times in a run"
    assert asks[1] == "going asks about at most 3 archetypes at a time, at most 28 times in a run"


@pytest.mark.parametrize(
    ("rows", "clause", "codes"),
    [
        ("age_group,isolate\nchild,0.2\nadult,0.4\n", "column isolate by age_group within 5 %", []),
        ("age_group,isolate\nchild,0.2\nadults,0.4\n", "column isolate by age_group", ["E0411"]),
        ("age_group,isolate\nchild,few\n", "column isolate by age_group", ["E0408"]),
        ("age_group,isolate\nchild,0.2\n", "column isolates by age_group", ["E0407"]),
        ("group,isolate\nchild,0.2\n", "column isolate by age_group", ["E0407"]),
    ],
)
def test_surveys_are_looked_at_where_they_are(tmp_path: Path, rows: str, clause: str, codes: list[str]) -> None:
    (tmp_path / "survey.csv").write_text(rows, encoding="utf-8")
    text = PEOPLE.replace("  otherwise 10 %\n", f'  otherwise 10 %\n  validate against "survey.csv" {clause}\n')
    report = Report()
    found = check_source(Source("p.lpm", text, tmp_path / "p.lpm"), report)
    assert [d.code for d in report.sorted() if d.severity != "note"] == codes
    if found is not None:
        survey = found[0].behaviour("caring").validate
        assert survey is not None and survey.by == ("age_group",)
        assert (survey.distance, survey.at_most) == ("mean_absolute", 0.05)


def test_a_library_of_behaviours(tmp_path: Path) -> None:
    """``only behaviour`` brings what it reads; with a prefix the slots in the prompt are renamed too."""
    library = PEOPLE[PEOPLE.index("observe cases") :].replace("observe dogs = count of Dog by breed\n", "")
    flu = PEOPLE[PEOPLE.index("condition Flu") : PEOPLE.index("condition Fleas")]
    parameters = "parameter line = 700 USD per week\n\nparameter bias = 0\n"
    (tmp_path / "minds.lpm").write_text(f"library minds version 1.0\n\n{parameters}\n{flu}{library}", encoding="utf-8")
    rest = PEOPLE[: PEOPLE.index("behaviour caring")]
    own = rest.replace("parameter line = 700 USD per week\n", "").replace("parameter bias = 0\n", "")
    own = own.replace("  prior normal(mean 0, sd 1)\n", "").replace(flu, "").replace("  source scaled by kept\n", "")
    own = own.replace("Flu", "m_Flu").replace("  target scaled by 0.5 where mode is feet\n", "")
    use = 'model people version 1.0\nuse "minds" only behaviour caring as m\n'
    text = own.replace("model people version 1.0\n", use)
    report = Report()
    found = check_source(Source("p.lpm", text, tmp_path / "p.lpm"), report)
    assert found is not None, [d.message for d in report.diagnostics]
    (behaviour,) = found[0].behaviours
    assert behaviour.name == "m_caring" and "{m_cases}" in behaviour.prompt and "{age_group}" in behaviour.prompt
    assert [k.slot for k in behaviour.knows] == ["age_group", "m_Flu", "m_cases", "income"]


@pytest.mark.parametrize("text", [FRIENDS, PEOPLE], ids=["friends", "people"])
def test_round_trips(text: str) -> None:
    """Through the formatter and through JSON."""
    module = parse(Source("behaviour.lpm", text), Report())
    assert format_module(module) == text
    model = checked(text)
    assert from_json(to_json(model)) == model
    program = to_json(compiled(model).gpu_program)
    assert to_json(from_json(program)) == program  # as text: a report that is not there is no number, and equals none


def test_a_library_knows_nothing_of_its_users_agents() -> None:
    text = "library minds version 1.0\n\n" + PEOPLE[PEOPLE.index("condition Flu") : PEOPLE.index("condition Fleas")]
    text += "behaviour caring of Person\n  decides yes/no into careful by rule 10 %\n  every day\n"
    text += "\nbehaviour twin of Person\n  decides yes/no into careful by rule 20 %\n  every day\n"
    assert problems(text) == []


# ------------------------------------------------------------------ the city of the example


def test_the_city_is_checked_as_written() -> None:
    model = loaded(CITY).model
    isolate, work = model.behaviours
    assert [len(d) for d in digits(isolate)] == [6, 5, 2, 5, 4] and [len(d) for d in digits(work)] == [6, 5, 4]
    assert isolate.knows[2].labels == ("below 600 USD per week", "600 USD per week or more")
    assert isolate.knows[3].labels == ("below 100", "100 to 1000", "1000 to 5000", "5000 or more", "not yet known")
    assert isolate.prompt.startswith("You are {age_group}, live in {borough} and earn {income}. A new disease, worse")
    assert model.checks[0].quantity == "calls"  # type: ignore[union-attr]


def test_the_city_runs_alike_on_both_back_ends() -> None:
    from dataclasses import replace

    model = loaded(CITY).model
    request = replace(request_of(model, 3_000, scenario="higher_benefit"), steps=60)
    assert_same(cpu_run(compiled(model))(request), interpreter.run(request))

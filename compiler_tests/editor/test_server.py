"""The real ``lpmc lsp`` over its standard streams: what it says of a text while it is typed, and what it completes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from compiler_tests.support.lsp_client import LspClient, lsp_client
from lpmdsl.editor.known.workspace import Workspace

MODELS = Path(__file__).parent.parent.parent / "models"
TOWN = (MODELS / "town_flu.lpm").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[LspClient]:
    with lsp_client(folder) as found:
        yield found


def test_a_mistake_is_told_while_it_is_typed_and_gone_when_it_is_mended(client: LspClient, folder: Path) -> None:
    uri = client.open(folder / "town.lpm", TOWN.replace("from E after gamma", "from EE after gamma"))
    [told] = client.published(uri)
    assert (told["code"], told["severity"], told["source"]) == ("E0203", 1, "lpmc")
    row = TOWN.split("\n").index("  from E after gamma(mean 2 days, sd 1 day) to I")
    assert told["range"] == {"start": {"line": row, "character": 7}, "end": {"line": row, "character": 9}}
    client.change(uri, TOWN)
    assert client.published(uri) == []
    client.close(uri)
    assert client.published(uri) == []


def test_errors_are_told_with_the_places_that_explain_them(client: LspClient, folder: Path) -> None:
    text = TOWN + "parameter reporting = 3\n"
    uri = client.open(folder / "twice.lpm", text)
    [told] = [d for d in client.published(uri) if d["code"] == "E0202"]
    [first] = told["relatedInformation"]
    assert first["location"]["uri"] == uri
    assert first["location"]["range"]["start"]["line"] == TOWN.split("\n").index("parameter reporting = 30 %")
    assert first["message"] == "first declared here"
    client.close(uri)


def test_what_is_promised_of_r0_is_worked_out_after_a_pause(client: LspClient, folder: Path) -> None:
    uri = client.open(folder / "promise.lpm", TOWN.replace("between 1.2 and 3", "between 7 and 8"))
    assert client.published(uri) == []
    assert [d["code"] for d in client.published(uri)] == ["E0908"]
    client.close(uri)


@pytest.mark.parametrize(
    ("after", "typed", "expected", "unexpected"),
    [
        ("states S, E, I, H, R, D\n", "  from ", {"S", "D"}, {"Person", "homes", "yes"}),
        ("states S, E, I, H, R, D\n", "  from I after ", {"gamma", "fixed"}, {"poisson", "S"}),
        ("states S, E, I, H, R, D\n", "  from I after gamma(", {"mean", "sd", "shape"}, {"S"}),
        ("states S, E, I, H, R, D\n", "  from I after gamma(mean 2 ", {"days"}, {"S"}),
        ("states S, E, I, H, R, D\n", "  start S except 20 ", {"Person"}, {"Flu"}),
        ("states S, E, I, H, R, D\n", "  from H when Flu is ", {"H", "not"}, {"child"}),
        ("states S, E, I, H, R, D\n", "  from H at rate hospital_risk[", {"child", "age_group"}, {"S"}),
        ("contagion of Flu\n", "  from I on ", {"homes", "community"}, {"household"}),
        ("version 1.0\n", "network x joins Person sharing ", {"household", "school"}, {"age"}),
        ("version 1.0\n", "network x joins Person as ", {"small_world"}, {"gamma"}),
        ("version 1.0\n", "network x joins Person as small_world(", {"degree", "rewiring"}, {"links"}),
        ("version 1.0\n", "parameter x = 1\n  ", {"prior", "between", "source"}, {"states"}),
        ("version 1.0\n", "table x by age_group of share\n  ", {"child", "elder"}, {"age"}),
        ("version 1.0\n", "scenario s\n  change ", {"vaccine_effect"}, {"homes"}),
        ("version 1.0\n", "scenario s\n  without ", {"campaign"}, {"vaccine_effect"}),
        ("version 1.0\n", 'use "lpm/diseases/influenza" with ', {"latent_period"}, {"vaccine_effect"}),
        (
            "version 1.0\n",
            'use "lpm/diseases/influenza" as flu with infectious_period = 2 days, ',
            {"latent_period"},
            {"flu_latent_period"},
        ),
        ("version 1.0\n", 'use "lpm/diseases/influenza" only condition ', {"Influenza"}, {"Flu"}),
        ("version 1.0\n", 'use "lpm/diseases/influenza" only ', {"condition", "parameter"}, {"Flu"}),
        ("version 1.0\n", 'use "', {"lpm/diseases/influenza"}, set()),
        ("version 1.0\n", "", {"parameter", "condition"}, {"states"}),
        ("version 1.0\n", "## a remark from ", set(), {"S"}),
    ],
)
def test_completion_offers_what_may_stand_there(
    client: LspClient, folder: Path, after: str, typed: str, expected: set[str], unexpected: set[str]
) -> None:
    at = TOWN.index(after) + len(after)
    text = TOWN[:at] + typed + "\n" + TOWN[at:]
    uri = client.open(folder / "town.lpm", text)
    found = client.at("completion", uri, text, f"{after}{typed}|")
    words = {item["label"] for item in found["items"]}
    assert expected <= words and not unexpected & words, words
    client.close(uri)


@pytest.mark.parametrize("encodings", [("utf-8",), ("utf-16",), ("utf-32",), ()])
def test_places_are_counted_as_the_client_counts(folder: Path, encodings: tuple[str, ...]) -> None:
    """After a letter of four bytes in UTF-8 and two units in UTF-16."""
    text = 'model m version 1.0\nclock\n  step 1 day\n  for 3 days\nparameter a = 1\n  source "𝛽" oops\n'
    with lsp_client(folder, encodings=encodings) as client:
        uri = client.open(folder / "wide.lpm", text)
        told = client.published(uri)[0]
        column = {"utf-8": 16, "utf-32": 13}.get((*encodings, "")[0], 14)
        assert told["range"]["start"] == {"line": 5, "character": column}


def test_the_server_ends_when_its_client_is_gone(folder: Path) -> None:
    """An editor that is killed says no goodbye."""
    client = LspClient(folder)
    client.open(folder / "gone.lpm", TOWN)
    assert client.process.stdin is not None
    client.process.stdin.close()
    assert client.process.wait(30) is not None


def test_without_pygls_the_line_to_type_is_said() -> None:
    program = 'import sys; sys.modules["pygls"] = None\nfrom lpmdsl.cli import main\nmain()'
    done = subprocess.run([sys.executable, "-c", program, "lsp"], capture_output=True, text=True, timeout=100)
    assert done.returncode == 1 and "E0860" in done.stderr and 'pip install "lpmdsl[lsp]"' in done.stderr


def test_a_text_says_the_same_as_the_command(client: LspClient, folder: Path) -> None:
    path = folder / "broken.lpm"
    path.write_text(TOWN.replace("0.02 per contact", "2 days", 1), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "lpmdsl.cli", "check", "--format", "json", str(path)], capture_output=True, text=True
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    uri = client.open(path)
    told = client.published(uri)
    assert [(d["code"], d["line"] - 1, d["column"] - 1, len(d["related"])) for d in said] == [
        (d["code"], d["range"]["start"]["line"], d["range"]["start"]["character"], len(d.get("relatedInformation", [])))
        for d in told
    ]
    client.close(uri)


def test_a_library_that_is_open_and_not_saved_counts(client: LspClient, folder: Path) -> None:
    """A mistake typed in it is told where the model uses it, and is gone when it is mended; the file stays as it is."""
    library = folder / "stay.lpm"
    library.write_text("library stay version 1.0\nparameter stay_long = 3 days\n", encoding="utf-8")
    text = TOWN.replace("version 1.0\n", 'version 1.0\nuse "stay"\n').replace(
        "gamma(mean 8 days", "gamma(mean stay_long"
    )
    model = client.open(folder / "uses.lpm", text)
    assert client.published(model) == []
    opened = client.open(library, library.read_text(encoding="utf-8").replace("3 days", "3 dys"))
    [told] = client.published(model)
    assert told["code"] == "E0113" and told["range"]["start"] == {"line": 2, "character": 4}
    assert told["relatedInformation"][0]["location"]["uri"] == opened
    client.change(opened, library.read_text(encoding="utf-8").replace("3 days", "4 days"))
    assert client.published(model) == []
    client.close(opened)
    client.close(model)


def test_a_table_that_changes_on_the_disk_is_read_again(tmp_path: Path) -> None:
    table = tmp_path / "risks.csv"
    table.write_text("age_group,risk\nchild,0.005\nadult,0.01\nelder,0.06\n", encoding="utf-8")
    old = TOWN[TOWN.index("table hospital_risk") : TOWN.index("table death_risk")]
    text = TOWN.replace(old, 'table hospital_risk by age_group of probability from "risks.csv" column risk\n')
    with lsp_client(tmp_path, watches=True) as client:
        uri = client.open(tmp_path / "town.lpm", text)
        assert [d for d in client.published(uri) if d["severity"] == 1] == []
        [asked] = client.asked
        assert asked["method"] == "client/registerCapability"
        assert "**/*.csv" in json.dumps(asked["params"])
        table.write_text("age_group,risk\nchild,0.005\nadult,7\nelder,0.06\n", encoding="utf-8")
        client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": table.as_uri(), "type": 2}]})
        for _ in range(3):  # what was told of R0 may come between
            told = client.published(uri)
            if told and told[0]["severity"] == 1:
                break
        assert told[0]["code"] == "E0313"


def test_models_in_hidden_folders_are_no_part_of_the_workspace(tmp_path: Path) -> None:
    for name in ("a.lpm", "b/c.lpm", ".venv/d.lpm", "node_modules/e.lpm"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("model m version 1.0\n", encoding="utf-8")
    (tmp_path / "away.lpm").symlink_to(Path(__file__).parent.parent.parent / "models" / "town_flu.lpm")
    found = {p.relative_to(tmp_path.resolve()).as_posix() for p in Workspace((tmp_path,)).paths()}
    assert found == {"a.lpm", "b/c.lpm"}

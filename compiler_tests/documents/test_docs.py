"""The documentation keeps its word: its models compile, the tutorial's commands work, its tables are complete."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from compiler_tests.support.documents import ROOT, Block, all_blocks, blocks, lpmc, problems

MODELS = [block for block in all_blocks("lpm") if not block.marks]
BROKEN = [block for block in all_blocks("lpm") if "broken" in block.marks]
TUTORIAL = ROOT / "docs" / "tutorial.md"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What ``lpmc check`` says of every block, by ``_name``."""
    folder = tmp_path_factory.mktemp("blocks")
    files = [_write(folder / _name(block), block.text) for block in MODELS + BROKEN]
    return problems(files)


def _name(block: Block) -> str:
    return re.sub(r"\W", "_", block.where) + ".lpm"


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_the_language_pages_hold_models() -> None:
    pages = {block.where.split(":")[0] for block in MODELS}
    assert len([page for page in pages if page.startswith("docs/language/")]) >= 9
    assert {"README.md", "docs/tutorial.md"} <= pages


@pytest.mark.parametrize("block", MODELS, ids=lambda block: block.where)
def test_every_model_in_the_documentation_checks_clean(block: Block, found: dict[str, list[str]]) -> None:
    assert found[_name(block)] == []


@pytest.mark.parametrize("block", BROKEN, ids=lambda block: block.where)
def test_every_broken_model_is_reported(block: Block, found: dict[str, list[str]]) -> None:
    assert len(found[_name(block)]) >= 2


def test_fragments_stay_few() -> None:
    fragments = [block.where for block in all_blocks("lpm") if "fragment" in block.marks]
    assert len(fragments) <= 6, fragments


def test_the_tutorial_works_from_beginning_to_end(tmp_path: Path) -> None:
    for block in blocks(TUTORIAL):
        if block.title:
            _write(tmp_path / block.title, block.text)
        elif block.language == "console":
            _run_commands(block, tmp_path)
    assert (tmp_path / "first_run" / "report.html").stat().st_size > 10_000
    compared = {"baseline", "no_vaccination", "better_vaccine"}
    for folder, scenarios in (("milder", {"baseline"}), ("what_it_changed", compared)):
        rows = (tmp_path / folder / "observations.csv").read_text(encoding="utf-8").splitlines()
        assert {row.split(",")[0] for row in rows[1:]} == scenarios
        assert {row.split(",")[1] for row in rows[1:]} == {"0", "1", "2", "3", "4"}


def _run_commands(block: Block, folder: Path) -> None:
    """Runs each ``$ lpmc …`` line; it succeeds, or, in a block marked ``fails``, exits with 1 and says why."""
    for line in block.text.splitlines():
        program, *arguments = shlex.split(line.removeprefix("$ "))
        assert program == "lpmc", f"{block.where}: {line}"
        result = lpmc(*arguments, folder=folder)
        said = result.stdout + result.stderr
        assert "Traceback" not in said, f"{block.where}: {said}"
        assert result.returncode == (1 if "fails" in block.marks else 0), f"{block.where}: {line}\n{said}"


def test_tables_of_the_reference_are_those_of_the_compiler() -> None:
    """``python docs/hooks.py`` writes them."""
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "hooks.py")
    assert spec is not None and spec.loader is not None
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    pages = hooks.pages_with_tables()
    assert len(pages) >= 3
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert hooks.filled(text) == text, f"{page.name}: run python docs/hooks.py"


def test_every_dependency_has_its_line() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    dependencies = project.split("[project.entry-points")[0].split("dependencies = [", 1)[1]
    names = {name for name in re.findall(r'"([A-Za-z][A-Za-z0-9-]*)[>=\[]', dependencies) if name != "lpmdsl"}
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| ([@a-z0-9/-]+) \|", page, re.MULTILINE))
    extension = json.loads((ROOT / "editors" / "vscode" / "package.json").read_text(encoding="utf-8"))
    assert names and "dependencies" not in extension
    assert names | set(extension["devDependencies"]) == listed - {"package"}


def test_files_named_in_the_documentation_exist() -> None:
    """Paths in backticks and in links, whole ones and those that begin within ``lpmdsl/``."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    named = set(re.findall(r"`((?:lpmdsl|models|docs|compiler_tests|benchmarks|grammar|stdlib)/[\w./-]+\.\w+)`", text))
    named |= set(re.findall(r"\blpmdsl/[\w/]+\.py\b", text))
    assert len(named) > 100
    assert [path for path in sorted(named - {"docs/errors/CODE.md"}) if not (ROOT / path).is_file()] == []
    folders = set(re.findall(r"`((?:lpmdsl|compiler_tests|docs|benchmarks)/[\w/]*)/`", text))
    assert [path for path in sorted(folders) if not (ROOT / path).is_dir()] == []


def test_the_page_of_the_architecture_has_the_layers_of_the_linter() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (written,) = [one["layers"] for one in project["tool"]["importlinter"]["contracts"] if "flows" in one["name"]]
    layers = [layer.replace("lpmdsl.", "").split(" | ") for layer in written]
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", page, re.MULTILINE)
    assert [re.findall(r"\w+", row) for row in rows if "/" not in row][: len(layers)] == layers
    rooms = re.findall(r"`(\w+/\w+)`", page.split("## Within the rooms")[1])
    assert len(rooms) > 15
    assert [room for room in rooms if not (ROOT / "lpmdsl" / room).is_dir()] == []


def test_every_file_that_names_the_version_names_the_same() -> None:
    found = {
        file: re.search(pattern, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
        for file, pattern in (
            ("pyproject.toml", r'^version = "([\d.]+)"$'),
            ("CITATION.cff", r"^version: ([\d.]+)$"),
            ("CHANGELOG.md", r"^## \[([\d.]+)\] - \d{4}-\d\d-\d\d$"),
            ("lpmdsl/__init__.py", r'^__version__ = "([\d.]+)"$'),
        )
    }
    assert len({match and match.group(1) for match in found.values()}) == 1, found

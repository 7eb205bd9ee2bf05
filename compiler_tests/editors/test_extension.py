"""The extension for VS Code: snippets that make a model, colours as the editor makes them, its client and the server.

What needs node and the packages of ``editors/vscode`` (``npm ci --ignore-scripts``) is skipped where it lacks them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from compiler_tests.support.colours import ROOT, TEXTS, by_textmate
from lpmdsl.colouring.textmate import SCOPE
from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Report
from lpmdsl.source import Source
from lpmdsl.syntax.parse import parse

EXTENSION = ROOT / "editors" / "vscode"
MANIFEST = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
SNIPPETS = json.loads((EXTENSION / "snippets" / "lpm.json").read_text(encoding="utf-8"))
NPM = "https://registry.npmjs.org/"
with_node = pytest.mark.skipif(
    shutil.which("node") is None or not (EXTENSION / "node_modules").is_dir(),
    reason="no node or no node_modules: npm ci --ignore-scripts in editors/vscode",
)


def expanded(name: str) -> str:
    """The text of a snippet when nobody types anything else."""
    return re.sub(r"\$\{\d+:([^}]*)\}", r"\1", "\n".join(SNIPPETS[name]["body"])).replace("$0", "")


def test_the_snippets_one_after_the_other_are_a_model_without_a_remark() -> None:
    report = Report()
    checked = check_source(Source("model.lpm", "\n".join(map(expanded, SNIPPETS))), report)
    assert [f"{d.code} {d.span.line}: {d.message}" for d in report.diagnostics] == [] and checked is not None


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_reads_alone(name: str) -> None:
    report = Report()
    parse(Source("model.lpm", ("" if name == "Model" else "model m version 1.0\n") + expanded(name)), report)
    assert report.diagnostics == []
    assert (
        expanded(name)
        .splitlines()[0 if name not in ("Model", "Parameter") else 1]
        .startswith(SNIPPETS[name]["prefix"].split()[0])
    )


def test_the_manifest_knows_what_the_package_knows() -> None:
    contributed = MANIFEST["contributes"]
    assert contributed["languages"][0]["id"] == "lpm" and contributed["languages"][0]["extensions"] == [".lpm"]
    assert contributed["grammars"][0]["scopeName"] == SCOPE
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{MANIFEST["version"]}"' in project
    assert (EXTENSION / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_lock_holds_every_package_with_its_digest_from_the_registry() -> None:
    """And none that runs a script when it is installed, but for one that packaging does not need."""
    lock = json.loads((EXTENSION / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    packages = {name: one for name, one in lock.items() if name}
    assert len(packages) > 100
    assert [name for name, one in packages.items() if not one.get("integrity", "").startswith("sha512-")] == []
    assert [n for n, one in packages.items() if not one.get("resolved", NPM).startswith(NPM)] == []
    assert {name.rpartition("node_modules/")[2] for name, one in packages.items() if one.get("hasInstallScript")} <= {
        "keytar", "@vscode/vsce-sign", "fsevents",
    }  # fmt: skip


def _node(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(ROOT), "LPMC": str(Path(sys.executable).with_name("lpmc")), **os.environ}
    return subprocess.run(
        words, cwd=EXTENSION, input=given, env=environment, capture_output=True, text=True, timeout=600, check=False
    )


@with_node
def test_the_editor_colours_every_character_as_the_tests_do() -> None:
    """VS Code's own reader of TextMate grammars against ours, with which everything else is tested."""
    texts = {name: text for name, text in TEXTS.items() if "\r" not in text}
    done = _node("node", "test/tokens.mjs", given=json.dumps(texts))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name, text in texts.items():
        assert found[name]["depth"] == 1
        theirs = ["" if scope == SCOPE or text[k].isspace() else scope for k, scope in enumerate(found[name]["scopes"])]
        assert theirs == ["" if text[k].isspace() else scope for k, scope in enumerate(by_textmate(text))], name


@with_node
def test_the_extension_passes_its_own_tests() -> None:
    """Built, then: grammar, client against ``lpmc lsp``, preview against ``lpmc watch``, commands, manifest."""
    done = _node("npm", "test")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "# skipped 0" in done.stdout or "skipped 0" in done.stdout, done.stdout[-2000:]

"""Our pages in a real browser, made of a model whose every text tries to run a script: none does."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lpmdsl.cli import main

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = Path(__file__).parent.parent / "trials" / "html_inject.lpm"
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here: .ci/run installs it")


def _lpmc(*words: object) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    assert ended.value.code in (0, None)


def _shown(page: Path) -> str:
    """The page as the browser made it, after scripts had two seconds to run."""
    assert BROWSER is not None
    words = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom"]
    return subprocess.run([*words, page.as_uri()], capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of every command that makes one."""
    folder = tmp_path_factory.mktemp("pages")
    model = shutil.copy(HOSTILE, folder / "html_inject.lpm")
    few = ("--agents", "Person=60", "--backend", "reference")
    _lpmc("run", model, *few, "--out", folder / "run", "--quiet")
    _lpmc("compare", model, *few, "--replicates", 2, "--out", folder / "compare", "--quiet")
    _lpmc("doc", model, "--out", folder / "doc.html")
    return {
        "run": folder / "run" / "report.html",
        "compare": folder / "compare" / "report.html",
        "doc": folder / "doc.html",
    }


@pytest.mark.parametrize("name", ["run", "compare", "doc"])
def test_no_script_runs_and_no_link_lives(name: str, pages: dict[str, Path]) -> None:
    shown = _shown(pages[name])
    title = re.search(r"<title>(.*?)</title>", shown)
    assert title is not None and "PWN" not in title.group(1)
    assert len(re.findall(r"<(?:script|iframe|object|embed)\b", shown)) == 0
    assert re.findall(r"<[a-zA-Z]+\b[^>]*\son[a-z]+\s*=", shown) == []
    assert re.findall(r"<a\b[^>]*href", shown) == []
    assert "PWN" in shown  # the texts are there, as texts


def test_the_browser_would_tell(tmp_path: Path) -> None:
    """The same look finds a script that does run."""
    page = tmp_path / "open.html"
    page.write_text("<title>quiet</title><img src=x onerror=\"document.title='PWN'\">", encoding="utf-8")
    assert "<title>PWN</title>" in _shown(page)

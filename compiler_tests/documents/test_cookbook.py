"""Every recipe of the cookbook is a whole model that runs to its end."""

from __future__ import annotations

import pytest

import lpmdsl
from compiler_tests.support.documents import ROOT, Block, blocks

RECIPES = [block for block in blocks(ROOT / "docs" / "cookbook.md") if block.language == "lpm"]


def test_there_are_recipes() -> None:
    assert len(RECIPES) >= 10


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.text.split()[1])
def test_a_recipe_runs(recipe: Block) -> None:
    loaded = lpmdsl.load(recipe.text)
    assert [d.code for d in loaded.report.diagnostics if not d.code.startswith("N")] == []
    results = loaded.run(agents={"Person": 400}, backend="reference")
    assert results.manifest.complete and len(results.observations) > 0

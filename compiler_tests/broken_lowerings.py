"""Lowerings that are broken on purpose, each with the test that convicts it.

``python -m compiler_tests.broken_lowerings`` breaks one after the other: each is one replacement in one file of a copy
of the project. A break that no test finds ends the command with 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Broken:
    """``old`` stands in ``file`` once and becomes ``new``; ``test`` fails then."""

    name: str
    file: str
    old: str
    new: str
    test: str


BROKEN = (
    Broken(
        "a dropped effect: blocks of interventions move nobody",
        "lpmdsl/lowering/dense/interventions/blocks.py",
        "                writes += force(scope, action.condition, integer(action.state), to, hit, action.span)",
        "                pass",
        "compiler_tests/backends/test_adding.py::test_the_reference_and_two_threads_add_the_same",
    ),
    Broken(
        "an addition that replaces",
        "lpmdsl/lowering/dense/entries.py",
        "    if action.adds:",
        "    if False:",
        "compiler_tests/backends/test_adding.py::test_every_addition_counts",
    ),
    Broken(
        "a wrong sign in the derivative of a function",
        "lpmdsl/semantics/functions.py",
        'do("sub", 1.0, do("mul", y, y))',
        'do("add", 1.0, do("mul", y, y))',
        "compiler_tests/kernel/test_functions.py",
    ),
    Broken(
        "a product whose adjoint forgets a factor",
        "lpmdsl/semantics/operators.py",
        'back=lambda do, y, xs, d: (do("mul", d, xs[1]), do("mul", d, xs[0]))',
        'back=lambda do, y, xs, d: (do("mul", d, xs[1]), d)',
        "compiler_tests/gradients/test_adjoint.py::test_the_adjoint_is_the_derivative_of_the_relaxed_program",
    ),
    Broken(
        "exposure that is missed in the relaxation: what is owed is never felt",
        "lpmdsl/lowering/relaxed/exposure.py",
        "            items += [*sum_items(relaxing, contagion, OWED, step.changing), _owe(step)]",
        "            pass",
        "compiler_tests/gradients/test_relaxed_exposure.py::test_final_sizes_solve_their_equation_on_every_step",
    ),
    Broken(
        "a missed update of kept sums: attributes that are set are not noted",
        "lpmdsl/lowering/sparse/instrument.py",
        "                    made.append(self._written(stmt))",
        "                    made.append(stmt)",
        "compiler_tests/backends/test_triggers_agree.py "
        "compiler_tests/backends/test_backends_agree.py::test_kitchen_sinks_agree",
    ),
    Broken(
        "a missed update of kept sums: moves are not noted",
        "lpmdsl/lowering/sparse/instrument.py",
        "                    later += after",
        "                    pass",
        "compiler_tests/backends/test_small_runs.py",
    ),
    Broken(
        "a missed update of kept counts of neighbours: moves are not noted",
        "lpmdsl/lowering/sparse/instrument.py",
        "        after += self._seen_moved(condition, was, state)",
        "        pass",
        "compiler_tests/neighbours/test_kept_counts.py::test_sums_are_those_of_a_fresh_count_and_only_who_may_leave_is_awake",
    ),
    Broken(
        "a missed update of kept counts of neighbours: attributes that are set are not noted",
        "lpmdsl/lowering/sparse/instrument.py",
        "            noted.append(note_seen(self.scope))",
        "            pass",
        "compiler_tests/neighbours/test_kept_counts.py::test_random_models_count_alike_in_every_way",
    ),
    Broken(
        "kept counts of neighbours that miss what a pass over everybody writes",
        "lpmdsl/lowering/sparse/instrument.py",
        "[swept(kernel.domain)] if noting.sweeps else []",
        "[]",
        "compiler_tests/neighbours/test_kept_counts.py::test_random_models_count_alike_in_every_way",
    ),
    Broken(
        "kept counts of neighbours whose change wakes nobody",
        "lpmdsl/lowering/sparse/neighbours.py",
        "        marks = (Mark(awake(c), other, True) for c in woken)",
        "        marks = ()",
        "compiler_tests/neighbours/test_kept_counts.py::test_only_those_who_see_a_change_are_looked_at",
    ),
    Broken(
        "kept counts of a place with oneself in them",
        "lpmdsl/lowering/sparse/kept_sums.py",
        'op("sub", op("to_i64", builder.load(name, place)), own)',
        'op("sub", op("to_i64", builder.load(name, place)), integer(0))',
        "compiler_tests/neighbours/test_kept_counts.py::test_random_models_count_alike_in_every_way",
    ),
    Broken(
        "kept counts of neighbours that miss what a language model decides",
        "lpmdsl/lowering/sparse/kept_sums.py",
        "                if isinstance(item, Decide) and item.into in decided:",
        "                if False:",
        "compiler_tests/neighbours/test_kept_counts.py::test_what_a_language_model_decides_is_counted_from_the_next_look_on",
    ),
    Broken(
        "a table of occupancy that agents never leave",
        "lpmdsl/lowering/sparse/worklists.py",
        "cell(scope, one, before), integer(-1))",
        "cell(scope, one, before), integer(0))",
        "compiler_tests/kernel/test_sparse.py::test_models_on_ties_give_the_dense_counts",
    ),
    Broken(
        "a dwell time that is one tick longer",
        "lpmdsl/lowering/dense/entries.py",
        '        at = op("add", course.since, ticks)',
        '        at = op("add", course.since, op("add", ticks, integer(1)))',
        "compiler_tests/backends/test_adding.py::test_the_reference_and_two_threads_add_the_same "
        "compiler_tests/backends/test_backends_agree.py::test_models_agree_at_2_000_agents",
    ),
    Broken(
        "targets whose scaling is forgotten",
        "lpmdsl/lowering/dense/contagion/exposure.py",
        "_weakened(_spread_evenly(scope, network, total), factor)",
        "_spread_evenly(scope, network, total)",
        "compiler_tests/backends/test_backends_agree.py::test_models_agree_at_2_000_agents",
    ),
    Broken(
        "what a source owes for the part of a step is forgotten",
        "lpmdsl/lowering/dense/contagion/debts.py",
        '        body.append(If(test("ne", owes, integer(0)), (more,)))',
        '        body.append(If(test("ne", owes, owes), (more,)))',
        "compiler_tests/backends/test_backends_agree.py::test_models_agree_at_2_000_agents",
    ),
    Broken(
        "a score whose branches have the wrong sign",
        "lpmdsl/lowering/score/laws.py",
        "        terms = [Term(ledger.free((p,)), plus(first + j), products[j]) for j, p in enumerate(shares)]",
        "        terms = [Term(ledger.free((p,)), plus(first), products[j]) for j, p in enumerate(shares)]",
        "compiler_tests/gradients/test_scores.py::test_the_score_is_that_of_differences "
        "compiler_tests/gradients/test_scores.py::test_scores_and_controls_are_zero_in_the_mean",
    ),
    Broken(
        "people who are absent and take part",
        "lpmdsl/lowering/dense/presence.py",
        '        return all_of(test("ge", place_of(scope, network), integer(0)), present)',
        '        return all_of(test("ge", place_of(scope, network), integer(0)))',
        "compiler_tests/backends/test_backends_agree.py::test_kitchen_sinks_agree",
    ),
    Broken(
        "costs that are counted from the first report on again and again",
        "lpmdsl/lowering/dense/interventions/spending.py",
        "        body.append(Store(before, (place,), now, observation.span))",
        "        pass",
        "compiler_tests/backends/test_spending.py::test_amounts_are_exact_and_the_same_everywhere",
    ),
    Broken(
        "weights of an earlier step that are pulled again",
        "lpmdsl/program/passes/push_pull.py",
        'done += [Gate(row.pulls(), (Clear(row.weight),), "pull"), Gate(pushes, (item,), "push")]',
        'done += [Gate(pushes, (item,), "push")]',
        "compiler_tests/backends/test_triton.py::test_pushing_and_pulling_give_the_same",
    ),
    Broken(
        "members of a place that closes tell nobody",
        "lpmdsl/lowering/sparse/instrument.py",
        "        return [If(differs, tuple(inner), span=store.span)]",
        "        return []",
        "compiler_tests/backends/test_closing_by_place.py::test_all_ways_through_contagion_agree",
    ),
    Broken(
        "numbers of members that forget who leaves",
        "lpmdsl/lowering/sparse/members.py",
        '        change = op("sub", op("to_i64", now), op("to_i64", was))',
        '        change = op("to_i64", now)',
        "compiler_tests/backends/test_closing_by_place.py::test_a_delay_is_that_of_each_school",
    ),
)


def convicts(broken: Broken, folder: Path) -> bool:
    """Return True if the test fails in a copy of the project with the break; the copy is mended again."""
    path = folder / broken.file
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(broken.old, broken.new), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(folder), "LPMDSL_CACHE": str(folder / ".cache")}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-o", "addopts=", *broken.test.split()]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    path.write_text(text, encoding="utf-8")
    return done.returncode == 1


def copied(folder: Path) -> Path:
    """A copy of all that tests need."""
    for name in ("lpmdsl", "compiler_tests", "grammar", "stdlib", "models", "benchmarks", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def main() -> None:
    """Break one after the other and say which tests found it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="those whose name holds this")
    given = parser.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory() as place:
        folder = copied(Path(place))
        for broken in (b for b in BROKEN if given.only in b.name):
            found = convicts(broken, folder)
            missed += not found
            print(f"{'convicted' if found else 'MISSED   '}  {broken.name}: {broken.test}", flush=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()

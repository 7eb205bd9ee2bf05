"""The relaxed program and its adjoint: against differences, against torch's autograd of a reference, against exact
answers; the same on any number of threads, and on a GPU's kernels."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

import lpmdsl
from compiler_tests.example_models import relaxed_models
from compiler_tests.relaxed_reference.interpreter import relaxed_reports
from compiler_tests.support.relaxed_runs import AT_BENDS, DECIDING, MODELS, NAMES, RULED, Small, small
from lpmdsl.backends.triton import triton_module
from lpmdsl.backends.triton.arguments import SHARED
from lpmdsl.compiler import adjoint_text, relaxed_programs
from lpmdsl.diagnostics import LpmError
from lpmdsl.lowering.relaxed.phase_type import moments, shape_of, stage_derivatives, stage_numbers
from lpmdsl.lowering.relaxed.supported import unseen
from lpmdsl.population.people import build_world
from lpmdsl.program.ir import Program
from lpmdsl.program.passes.adjoint import adjoint
from lpmdsl.runtime.engine.build import build_text
from lpmdsl.runtime.engine.gpu.launch import Launcher, Tiling
from lpmdsl.runtime.engine.gpu.run import device_shape
from lpmdsl.runtime.gradients.relaxed import forward_backward
from lpmdsl.runtime.gradients.relaxed.forward_backward import Relaxations, RelaxedRun
from lpmdsl.semantics.host.evaluate import Scope, evaluate, parameter_values
from lpmdsl.semantics.model import After, ParameterRef, walk

REFUSED = {
    "cloned_network": r"E0846.*on entering",
    "degroot": r"E0846.*listen",
    "dose_schedule": r"E0846.*time since Dose",
    "gradabm_sir": r"E0846.*time since Covid",
    "molt_cascade": r"E0846.*reading",
    "moran": r"E0846.*replacement",
    "opinion": r"E0846.*listen",
    "school_closures": r"E0846.*by_school of school",
    "test_trace_isolate": r"E0846.*met",
    "tracing": r"E0846.*met",
    "zombies": r"E0846.*count of everybody",
}
"""Model → what the message names."""
EACH = pytest.mark.parametrize("name", NAMES)


# ------------------------------------------------------------------ the gradient


def seen(one: Small) -> list[str]:
    """The parameters of which the relaxation sees all, and that stand for themselves."""
    free = [p for p in one.model.parameters if not any(isinstance(e, ParameterRef) for e in walk(p.default))]
    return [p.name for p in free if unseen(one.model, p.name) is None]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in AT_BENDS])
def test_the_adjoint_is_the_derivative_of_the_relaxed_program(name: str) -> None:
    """Five-point differences of the program itself, in float64: of a random sum of all reports 3 in 10⁸, which is what
    rounding leaves of a step of a thousandth."""
    one = small(name)
    gradient = dict(zip(one.names, one.run().pulled_back(one.weights, one.names), strict=True))
    checked = seen(one)
    assert len(checked) >= 2
    for parameter in checked:
        step = 1e-3 * one.values[parameter] or 1e-4
        low2, low, high, high2 = (one.weighed(one.run(**{parameter: one.values[parameter] + k * step}))
                                  for k in (-2, -1, 1, 2))  # fmt: skip
        measured = (low2 - 8 * low + 8 * high - high2) / 12 / step
        assert gradient[parameter] == pytest.approx(measured, rel=3e-8, abs=1e-9), parameter


@EACH
def test_the_adjoint_is_what_torch_finds_through_the_reference(name: str) -> None:
    one = small(name)
    run = one.run()
    mine = run.pulled_back(one.weights, one.names)
    torch.set_num_threads(1)
    free = {n: torch.tensor(one.values[n], dtype=torch.float64, requires_grad=True) for n in one.names}
    given = free | ({"doubled": 2 * free["care"]} if "doubled" in free else {})
    reports = relaxed_reports(one.model, one.world, given, one.steps)
    total = torch.zeros((), dtype=torch.float64)
    for observation, values in reports.items():
        raw = run.buffers[f"observed_{observation}"][: len(values)]
        np.testing.assert_allclose(raw, values.detach().numpy(), rtol=1e-11, atol=1e-12)
        weights = one.weights[observation] / run.unit(observation)
        total = total + (torch.tensor(weights) * torch.nan_to_num(values)).sum()
    theirs = torch.autograd.grad(total, list(free.values()), allow_unused=True)
    for parameter, a, b in zip(one.names, mine, theirs, strict=True):
        if parameter != "doubled":
            assert a == pytest.approx(0.0 if b is None else b.item(), rel=1e-9, abs=1e-10), parameter


@EACH
def test_chances_stay_chances(name: str) -> None:
    one = small(name)
    run = one.run()
    for layout in run.pair.relaxed.layouts.values():
        chance = run.buffers[layout.buffer]
        assert chance.min() >= -1e-12
        np.testing.assert_allclose(chance.sum(axis=1), 1.0, atol=1e-12)


def test_threads_and_repetition_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    one = small("sir_network", agents=40_000, steps=6)
    first = one.run().pulled_back(one.weights, one.names)
    monkeypatch.setattr(forward_backward, "SMALL", 0)
    for threads in (1, 2):
        run = one.run(threads=threads)
        for _ in range(2):
            assert np.array_equal(run.pulled_back(one.weights, one.names), first)


# ------------------------------------------------------------------ what is known


def test_two_states_are_exact() -> None:
    """E = 0.2484883, dE/da = 1.8888568, dE/db = −0.5960266 after ten steps."""
    run = small("chain").run()
    last = np.zeros(11)
    last[-1] = 1.0
    assert run.reports("lit")[-1, 0] == pytest.approx(0.2484883, abs=5e-8)
    assert run.pulled_back({"lit": last}, ("a", "b")) == pytest.approx([1.8888568, -0.5960266], abs=5e-8)


def test_a_dwell_time_alone_is_met_exactly_in_the_mean() -> None:
    """Entered at time 0: an exponential has the law's share still there, others have the right mean."""
    text = relaxed_models.LEAVING
    model = lpmdsl.load(text).model
    values = parameter_values(model)
    run = Relaxations(model).run(build_world(model, values, 1, {}), values, model.clock.steps)
    still = run.reports("waiting")[:, 0] / 10
    np.testing.assert_allclose(still, np.exp(-np.arange(len(still)) / 4), rtol=1e-12)
    # Σ P(N > t) is the mean number of boundaries: the mean in steps and a half.
    assert run.reports("other")[:, 0].sum() / 10 == pytest.approx(6 + 0.5, rel=1e-6)


@pytest.mark.parametrize("name", ["everything", "town_flu", "measles_households"])
def test_stages_have_the_mean_of_the_dwell_time(name: str) -> None:
    one = small(name)
    laws = [e.trigger.dwell for c in one.model.conditions for e in c.exits if isinstance(e.trigger, After)]
    assert laws
    for law in laws:
        shape = shape_of(law, one.model, one.values)
        leaves, misses, *rest = stage_numbers(law, shape, one.model, one.values).reshape(shape.rows, -1)[0]
        within, later = np.array(rest[: shape.stages]), np.array(rest[shape.stages :])
        left = np.arange(shape.stages, 0, -1)
        written = {k: float(evaluate(e, Scope(one.model, one.values))) for k, e in law.arguments}
        mean, _ = moments(law, written, one.model)
        steps = mean / one.model.clock.step
        assert within @ left / leaves == pytest.approx(steps, rel=1e-12)
        half = math.ceil(steps - 1e-9) - steps if law.family == "fixed" else 0.5
        if law.family != "exponential":
            assert later.sum() == pytest.approx(1.0, abs=1e-12)
            assert later @ left / leaves == pytest.approx(steps + half, rel=0.02)
            # What who enters at a boundary, and who does within a step, covers of all steps is the mean of the law.
            assert later @ left / leaves - misses == pytest.approx(steps, rel=1e-12)
        else:
            assert shape.is_hazard and misses == pytest.approx(1 / steps, rel=1e-12)
            # Who comes at a uniform time of the step covers half a step less a sixth of the hazard, and so on.
            assert later[0] == pytest.approx(steps * (1 - steps * (1 - np.exp(-1 / steps))), rel=1e-9)
        for parameter in one.names:
            h = 1e-6 * one.values[parameter]
            low, high = (stage_numbers(law, shape, one.model, one.values | {parameter: one.values[parameter] + s * h})
                         for s in (-1, 1))  # fmt: skip
            found = stage_derivatives(law, shape, one.model, one.values, parameter)
            np.testing.assert_allclose(found, (high - low) / (2 * h) if h else 0 * found, rtol=1e-5, atol=1e-6)


def test_at_random_the_relaxation_goes_to_the_equations_as_the_step_shrinks() -> None:
    """The boarding school against its mean-field equations (scipy): a tenth of the step has about 1 / 70 of the gap."""
    text = next(p for p in MODELS if p.stem == "boarding_school").read_text(encoding="utf-8").split("calibrate")[0]
    apart = []
    for step in ("0.25 days", "0.025 days"):
        model = lpmdsl.load(text.replace("step 1 hour", f"step {step}")).model
        values = parameter_values(model)
        beta, illness, boys = values["beta"], values["illness"], 763

        def flow(_: float, y: np.ndarray, beta: float = beta, illness: float = illness) -> list[float]:
            new, healed = beta * y[0] * y[1] / 763 * 762 / 763, y[1] / illness  # nobody infects himself
            return [-new, new - healed]

        solved = solve_ivp(flow, (0, 14), [boys - 3, 3], t_eval=np.arange(15), rtol=1e-8)
        run = Relaxations(model).run(build_world(model, values, 1, {}), values, model.clock.steps)
        apart.append(np.abs(run.reports("in_bed")[:, 0] - solved.y[1]).max() / boys)
    assert 0.001 < apart[0] < 0.003 and apart[1] < apart[0] / 50


@pytest.mark.parametrize("path", DECIDING, ids=lambda p: p.stem)
def test_decisions_are_not_relaxed(path: Path) -> None:
    with pytest.raises(lpmdsl.LpmError, match=r"E0846.*behaviour"):
        relaxed_programs(lpmdsl.load(path).model)


@pytest.mark.parametrize("path", RULED, ids=lambda p: p.stem)
def test_what_people_do_to_one_another_is_not_relaxed(path: Path) -> None:
    with pytest.raises(lpmdsl.LpmError, match=REFUSED[path.stem]):
        relaxed_programs(lpmdsl.load(path).model)


def test_mixing_by_what_changes_is_not_relaxed() -> None:
    text = relaxed_models.EVERYTHING.replace("mixing by group, group of", "mixing by careful, careful of")
    for labels, answers in (
        ("young young", "no no"),
        ("young old", "no yes"),
        ("old young", "yes no"),
        ("old old", "yes yes"),
    ):
        text = text.replace(f"  {labels} ", f"  {answers} ")
    with pytest.raises(LpmError, match=r"E0846.*mixing by an attribute that changes in a run \(`careful`\)"):
        relaxed_programs(lpmdsl.load(text).model)


# ------------------------------------------------------------------ adjoints of events


def test_adjoints_of_infections_add_up_to_the_gradient() -> None:
    """β acts only through the forces h on each agent, so dQ/dβ = Σ adjoint · S · e⁻ʰ · h / β, over agents, steps and
    looks: h is the force of the sources and what is owed from the step before, then that of those just infected."""
    one = small("boarding_school")
    run, parts = one.run(), []

    def note(step: int, adjoint: dict[str, np.ndarray]) -> None:
        for look, site, susceptible in (
            ("", "Flu.S.exit0", "Flu_chance"),
            ("_late", "Flu.S.exit0.again", "Flu_after_infect"),
        ):
            force = run.buffers[f"Flu_school_force{look}"][0] - run.buffers[f"Flu_school_weight{look}"] / 300
            # The adjoint has only read the states of this step: they are still those before it.
            at_risk = run.buffers[susceptible][:, 0]
            parts.append((adjoint[site] * at_risk * np.exp(-force) * force).sum())

    beta = one.names.index("beta")
    gradient = run.pulled_back(one.weights, one.names, on_step=note)
    assert len(parts) == 2 * one.steps
    assert sum(parts) / one.values["beta"] == pytest.approx(gradient[beta], rel=1e-9)


def test_adjoints_of_branches_are_those_of_what_follows() -> None:
    """Who dies instead of recovering is one death more, for everyone in every step: the dead meet as the living do."""
    one = small("branching")
    deaths = {"deaths": np.ones_like(one.run().reports("deaths"))}
    shapes: dict[str, tuple[int, ...]] = {}
    found = []

    def note(step: int, adjoint: dict[str, np.ndarray]) -> None:
        shapes.update({site: values.shape for site, values in adjoint.items()})
        dies, lives = adjoint["Flu.H.exit0.branch"].T
        found.append(np.abs(dies - lives - 1).max())

    gradient = one.run().pulled_back(deaths, one.names, on_step=note)
    assert shapes["Flu.S.exit0"] == (60,) and shapes["Flu.I.exit0.branch"] == (60, 2)
    assert max(found) < 1e-12 and len(found) == one.steps
    assert (gradient > 0).all()


# ------------------------------------------------------------------ refusals


def test_what_cannot_be_relaxed_is_told_in_its_line() -> None:
    with pytest.raises(LpmError) as told:
        small("refused")
    (one,) = told.value.report.sorted()
    assert one.code == "E0846" and one.span.line == 19 and "differences" in one.help


@pytest.mark.parametrize(("name", "parameter"), [("town_flu", "trigger_level"), ("measles_households", "coverage")])
def test_a_parameter_that_is_not_seen_has_no_gradient_here(name: str, parameter: str) -> None:
    path = next(p for p in MODELS if p.stem == name)
    with pytest.raises(LpmError) as told:
        lpmdsl.load(path).gradient("total of infections", [parameter], replicates=2, estimator="relaxation",
                                   agents={"Person": 300}, steps=10)  # fmt: skip
    assert told.value.report.sorted()[0].code == "E0847"


# ------------------------------------------------------------------ as an estimator


def test_the_estimator_says_that_it_is_off_on_a_sparse_network(capsys: pytest.CaptureFixture[str]) -> None:
    path = next(p for p in MODELS if p.stem == "sir_network")
    model = lpmdsl.load(path)
    asked = {"of": "total of new_infections", "replicates": 32, "agents": {"Person": 800}, "steps": 40}
    relaxed = model.gradient(estimator="relaxation", **asked)
    assert {r.parameter for r in relaxed} == {"per_tie", "infectious_period"}
    assert all(r.estimator == "relaxation" and r.gradient > 0 and r.se == 0 for r in relaxed)
    assert not relaxed[0].certificate.holds and relaxed[0].certificate.high < 0.9
    assert "it is off" in relaxed[0].certificate.words
    capsys.readouterr()
    straight = model.gradient(estimator="surrogate", **asked)
    assert "straight-through" in capsys.readouterr().err
    assert all(r.estimator == "surrogate" and r.se > 0 for r in straight)
    assert not straight[0].certificate.holds and straight[0].certificate.low > 1.1


def test_torch_differentiates_the_relaxed_run_both_ways() -> None:
    path = next(p for p in MODELS if p.stem == "boarding_school")
    model = lpmdsl.load(path)
    run = model.simulator("in_bed", ["beta", "illness"], estimator="relaxation", agents={"Boy": 200})
    theta = torch.tensor([1.7, 1.85], dtype=torch.float64, requires_grad=True)
    loss = lambda x: ((run(x) - 20.0) ** 2).sum()  # noqa: E731
    loss(theta).backward()
    assert theta.grad is not None
    direction = torch.tensor([0.3, -1.0], dtype=torch.float64)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(theta.detach(), direction)
        slope = torch.autograd.forward_ad.unpack_dual(loss(dual)).tangent
    assert float(slope) == pytest.approx(float(theta.grad @ direction), rel=1e-7)
    step = 1e-5
    measured = (loss(theta.detach() + step * direction) - loss(theta.detach() - step * direction)) / (2 * step)
    assert float(slope) == pytest.approx(float(measured), rel=1e-6)


# ------------------------------------------------------------------ Triton


@pytest.mark.parametrize("name", ["sir_network", "town_flu"])
def test_triton_source_of_the_adjoint_is_the_golden_one(name: str, golden: Callable[[str, str], None]) -> None:
    one = small(name)
    relaxed = one.programs.at(one.values).relaxed
    golden(f"{name}.relaxed.triton.py.txt", triton_module.emit(relaxed.program))
    golden(f"{name}.adjoint.triton.py.txt", triton_module.emit(adjoint(relaxed.program, relaxed.inputs)))


def test_emit_shows_both_programs() -> None:
    text = adjoint_text(small("sir_network").model)
    assert "program sir_network_relaxed\n" in text and "kernel back_advance_Person over Person" in text


@pytest.mark.parametrize("name", ["sir_network", "town_flu"])
def test_triton_kernels_give_the_numbers_of_the_processor(name: str) -> None:
    """A step forwards, and one backwards, of the same buffers on either side."""
    one = small(name)
    run = one.run()
    backward = run.pair.backward(False)
    run.pulled_back(one.weights, one.names)  # makes the buffers
    fresh = np.random.default_rng(1)
    for buffer in backward.program.buffers:
        if buffer.name.startswith("d_") and buffer.role == "state":
            run.buffers[buffer.name][:] = fresh.normal(size=run.buffers[buffer.name].shape)
    for kernels in (run.pair.forward, backward):
        program = kernels.program
        go = on_device(run, program)
        for driver, step in (("begin", 20), ("run_steps", 21)):
            go.buffers["clock"][0, 0] = step
            with np.errstate(all="ignore"):
                (go.module.begin if driver == "begin" else go.module.step)(go)
            run.call(kernels, driver, step, step + 1)
        for buffer in program.buffers:
            if buffer.role in ("state", "output", "control", "scratch"):
                np.testing.assert_allclose(go.buffers[buffer.name][0].numpy(), run.buffers[buffer.name],
                                           rtol=1e-10, atol=1e-12, err_msg=buffer.name)  # fmt: skip


def on_device(run: RelaxedRun, program: Program) -> Launcher:
    """The program's Triton kernels on copies of the run's buffers."""
    module = build_text(triton_module.emit(program), program.name, ("triton/prelude.py",), "test")
    made: dict[str, torch.Tensor] = {}
    for b in program.buffers:
        array = run.buffers[b.name] if b.name in run.buffers else run.empty(b)
        if b.role == "tally" and b.dtype == "i64":
            array = np.zeros(device_shape(b, run.sizes), np.int64)
        tensor = torch.from_numpy(np.ascontiguousarray(array).copy())
        made[b.name] = tensor if b.role in SHARED else tensor[None]
    made["clock"] = torch.zeros((1, 4), dtype=torch.int64)
    made["gates"] = torch.zeros((1, module.GATES.value), dtype=torch.int64)
    agents = max(max(run.world.counts.values()), max(run.sizes.values()))
    return Launcher(module, made, run.sizes, 1, Tiling.interpreted(min(agents, 1024)))


@pytest.mark.parametrize("name", ["sir_network"])
def test_every_kernel_becomes_machine_code_for_every_target(name: str) -> None:
    """Both programs, for CUDA 8.0 and 9.0 and gfx942; in a process without Triton's interpreter."""
    path = next(p for p in MODELS if p.stem == name)
    here = Path(__file__).parent.parent
    env = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    command = [sys.executable, str(here / "adjoint_machine_code.py"), str(path)]
    done = subprocess.run(command, env=env, cwd=here.parent, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert set(made) == {"cuda 80", "cuda 90", "hip gfx942"}
    for kernels in made.values():
        assert f"{name}_relaxed_adjoint.back_advance_Person" in kernels and f"{name}_relaxed.advance_Person" in kernels
        assert all(size > 0 for size in kernels.values())

"""The Triton back end: its source as goldens, its numbers those of the CPU, its kernels machine code for three GPUs.

No GPU is needed: ``conftest`` sets ``TRITON_INTERPRET=1``, so kernels run on the processor with the same blocks, masks,
atomics and Philox; machine code is made in another process, where the interpreter is off.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import kernels
from compiler_tests.example_models.kitchen_sinks import SINKS, sink_request
from compiler_tests.support.both_backends import (
    KEPT,
    MODELS,
    assert_same,
    compiled,
    cpu_run,
    loaded,
    request_of,
    small_requests,
)
from lpmdsl.backends.request import RunRequest, RunResult
from lpmdsl.backends.triton import triton_module
from lpmdsl.compiler import Compiled, compile_model
from lpmdsl.networks.storage.csr import edges_to_ties
from lpmdsl.networks.world import World
from lpmdsl.program.passes.push_pull import push_or_pull
from lpmdsl.program.verify import verify
from lpmdsl.runtime.engine import engines
from lpmdsl.runtime.engine.build import build_text
from lpmdsl.runtime.engine.gpu import run as gpu
from lpmdsl.runtime.engine.gpu.launch import Launcher, Tiling
from lpmdsl.runtime.engine.gpu.run import gpu_runner

EACH_MODEL = pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
NETWORK = next(p for p in MODELS if p.stem == "sir_network")
SCHOOL = next(p for p in MODELS if p.stem == "boarding_school")
TOWN = next(p for p in MODELS if p.stem == "town_flu")


def on_gpu(made: Compiled, *requests: RunRequest, tiling: Tiling | None = None) -> list[RunResult]:
    return gpu_runner(made, tiling)(list(requests), None)


# ------------------------------------------------------------------ what is printed


@pytest.mark.parametrize("path", KEPT, ids=lambda p: p.stem)
def test_triton_source_is_the_golden_one(path: Path, golden: Callable[[str, str], None]) -> None:
    golden(f"{path.stem}.triton.py.txt", compiled(loaded(path).model).emit("triton"))


@EACH_MODEL
def test_kernels_name_the_lines_of_the_model(path: Path) -> None:
    text = compiled(loaded(path).model).emit("triton")
    compile(text, path.name, "exec")
    lines = len(path.read_text(encoding="utf-8").splitlines())
    kernels = [k for k in text.split("\n@triton.jit")[1:] if not re.search(r"def (begin|step|note_faults)_\d+", k)]
    assert len(kernels) > 2
    for kernel in kernels:
        places = re.findall(r"#.*?(\w+)\.lpm:(\d+)", kernel)
        assert places, f"no line of the model, or of what it uses, in {kernel.splitlines()[:3]}"
        assert all(1 <= int(line) <= lines for name, line in places if name == path.stem)


# ------------------------------------------------------------------ the CPU's numbers


MOST_STEPS = 30
"""Steps of a model in the interpreter, which takes a tenth of a second and more for each."""
FEW_STEPS = {"molt_cascade": 10, "test_trace_isolate": 10, "tracing": 8, "reports": 2}
"""Those of models that take seconds for each: somebody has very many ties, looks far back, or moves often in a step."""


@EACH_MODEL
def test_models_give_the_counts_of_the_cpu(path: Path) -> None:
    made = compiled(loaded(path).model)
    request = small_requests(path, 100)[0]
    request = replace(request, steps=min(request.steps, FEW_STEPS.get(path.stem, MOST_STEPS)))
    result = cpu_run(made)(request)
    assert_same(result, on_gpu(made, request)[0])
    assert sum(np.nansum(v) for v in result.observations.values()) > 0


@pytest.mark.parametrize("name", SINKS)
def test_kitchen_sinks_give_the_counts_of_the_cpu(name: str) -> None:
    made = compiled(SINKS[name]())
    request = sink_request(made.model, 600, 2)
    request = replace(request, steps=FEW_STEPS.get(name, 6))
    assert_same(cpu_run(made)(request), on_gpu(made, request)[0])


def test_replicates_of_one_launch_are_the_replicates_alone() -> None:
    made = compiled(loaded(SCHOOL).model)
    requests = [replace(request_of(made.model, 500, 7, replicate=r), steps=20) for r in range(3)]
    together = on_gpu(made, *requests)
    for request, result in zip(requests, together, strict=True):
        assert_same(cpu_run(made)(request), result)
    assert not np.array_equal(together[0].states["Flu"], together[1].states["Flu"])


@pytest.mark.parametrize("block", [64, 256])
def test_the_size_of_a_block_does_not_show(block: int) -> None:
    """Several programs a kernel: 700 agents in blocks of 64 and 256."""
    made = compiled(loaded(NETWORK).model)
    request = replace(request_of(made.model, 700, 3), steps=15)
    assert_same(cpu_run(made)(request), on_gpu(made, request, tiling=Tiling(block))[0])


def test_scenarios_of_the_town_give_the_counts_of_the_cpu() -> None:
    made = compiled(loaded(TOWN).model)
    for scenario in made.model.scenarios:
        request = replace(request_of(made.model, 1_000, 1, scenario.name), steps=25)
        assert_same(cpu_run(made)(request), on_gpu(made, request)[0])


@pytest.mark.parametrize(("pull_from", "pulls"), [(0, False), (10**9, True)])
def test_pushing_and_pulling_give_the_same(pull_from: int, pulls: bool, tmp_path: Path) -> None:
    """Rows of up to 90 ties, so that the long ones are walked by the whole block; both ways against the CPU."""
    made = compiled(loaded(NETWORK).model)
    request = replace(with_hubs(request_of(made.model, 400, 5)), steps=25)
    program = push_or_pull(made.program, pull_from)
    verify(program)
    module = build_text(triton_module.emit(program), f"pull_{pull_from}", ("triton/prelude.py",), "test")
    result = gpu.execute(program, module, [request], None)[0]
    assert_same(cpu_run(made)(request), result)
    assert result.observations["new_infections"].sum() > 50, "enough infectious for the choice to matter"


def with_hubs(request: RunRequest) -> RunRequest:
    """Everybody tied to the next two; the first five people to a hundred others each."""
    count = request.world.counts["Person"]
    ring = [(i, (i + d) % count) for i in range(count) for d in (1, 2)]
    hubs = [(h, h + 7 + 4 * k) for h in range(5) for k in range(90)]
    edges = np.array(ring + hubs)
    ties = edges_to_ties(count, edges[:, 0], edges[:, 1])
    world: World = replace(request.world, ties=dict.fromkeys(request.world.ties, ties))
    return replace(request, world=world)


# ------------------------------------------------------------------ launches that are no kernels of the model


class Selection:
    """A launcher with nothing but a selection to make."""

    def __init__(self, keys: np.ndarray, limit: int) -> None:
        batch = keys.shape[0]
        widths = {"cutoff": 1, "chosen": 1, "search": 2, "bins": 2048}
        self.buffers = {n: torch.zeros((batch, k), dtype=torch.int64) for n, k in widths.items()}
        self.buffers |= {"gates": torch.ones((batch, 1), dtype=torch.int64), "limit": torch.full((batch, 1), limit)}
        self.buffers["keys"] = torch.from_numpy(keys)
        text = "import triton.language as tl\nGATES = tl.constexpr(1)\n"
        module = build_text(text, "gates", ("triton/prelude.py",), "")
        self.go = Launcher(module, self.buffers, {}, batch, Tiling())

    def run(self) -> tuple[list[int], list[int]]:
        self.go.select("keys", "limit", "cutoff", "chosen", gate=0)
        return self.buffers["cutoff"][:, 0].tolist(), self.buffers["chosen"][:, 0].tolist()


@pytest.mark.parametrize("limit", [0, 1, 17, 499, 10_000, -3])
def test_selection_finds_the_key_of_the_rank(limit: int) -> None:
    """Keys of 63 bits, a third not eligible, two replicates with keys of their own; against a sort."""
    rng = np.random.default_rng(5)
    keys = (rng.integers(0, 2**32, (2, 1500)) << 31) + np.arange(1500)
    keys[rng.uniform(size=keys.shape) < 1 / 3] = -1
    selection = Selection(keys, limit)
    for _ in range(2):  # a second time: nothing is left over from the first
        cutoffs, chosen = selection.run()
        for row, cutoff, number in zip(keys, cutoffs, chosen, strict=True):
            eligible = np.sort(row[row >= 0])
            wanted = max(0, min(limit, len(eligible)))
            assert number == wanted
            assert cutoff == (eligible[wanted - 1] if wanted else -1)


def test_a_closed_gate_selects_nothing() -> None:
    selection = Selection(np.arange(10).reshape(1, 10), 3)
    selection.buffers["gates"][:] = 0
    assert selection.run() == ([0], [0])


# ------------------------------------------------------------------ machine code


def in_another_process(*words: str) -> str:
    """What a script prints where Triton's interpreter is off."""
    env = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    root = Path(__file__).parent.parent.parent
    command = [sys.executable, *words]
    done = subprocess.run(command, env=env, cwd=root, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return done.stdout


MOST_SPILLED = 168
"""Bytes a lane that the widest pass of infections keeps in memory beside its registers: a course, what it owes on each
network, and the censuses that are fused with it."""


@EACH_MODEL
def test_every_kernel_becomes_machine_code_for_every_target(path: Path) -> None:
    made = json.loads(in_another_process("-m", "benchmarks.kernels", "--machine-code", str(path)))
    assert set(made) == {"cuda 80", "cuda 90", "hip gfx942"}
    names = {k["kernel"] for k in made["cuda 90"]}
    told = next((row for row in kernels.recorded()["models"] if row["model"] == path.stem), None)
    if told is not None and kernels.recorded()["triton"] == version("triton"):
        widest = {t: max(k["registers"] for k in one) for t, one in made.items()}
        assert widest == {t: k["registers"] for t, k in told["widest"].items()}, "run python -m benchmarks.kernels"
    moves = any(c.exits for c in loaded(path).model.conditions)
    assert any(n.startswith("advance_") for n in names) == moves and any(n.startswith("step_") for n in names)
    for target, one in made.items():
        assert {k["kernel"] for k in one} == names
        for k in one:
            # Registers of lanes: on AMD a kernel that only scalars go through has none.
            assert k["size"] > 0 and (target[:3] == "hip" or k["registers"] > 0) and k["registers"] <= 512, (
                f"{k['kernel']} on {target}"
            )
            assert k["spills"] <= MOST_SPILLED, f"{k['kernel']} keeps {k['spills']} bytes a lane in memory on {target}"


def test_the_page_shows_the_recorded_table() -> None:
    assert kernels.table(kernels.recorded()["models"]) in kernels.PAGE.read_text(encoding="utf-8")
    assert {row["model"] for row in kernels.recorded()["models"]} == set(kernels.MEASURED)


# ------------------------------------------------------------------ what cannot run


def test_memory_is_added_up_to_the_byte() -> None:
    """What is estimated for a batch is what the buffers take, tables of quantiles and gates apart."""
    from lpmdsl.runtime.engine.buffers import size_values
    from lpmdsl.runtime.engine.gpu.memory import device_bytes, most_replicates

    made = compiled(loaded(TOWN).model)
    requests = [request_of(made.model, 3_000, 1, replicate=r) for r in range(2)]
    sizes = size_values(made.gpu_program, requests[0])
    buffers = gpu.device_buffers(made.gpu_program, requests, sizes, torch.device("cpu"))
    taken = sum(t.numel() * t.element_size() for n, t in buffers.items() if not n.startswith("quantiles_"))
    tables = sum(8 * 2 * sizes["cells"] for n in buffers if n.startswith("quantiles_"))
    shared, own = device_bytes(made.gpu_program, sizes)
    assert taken == shared - tables + 2 * own
    assert most_replicates(made.gpu_program, sizes, int((shared + 3.5 * own) / 0.95)) == 3
    assert most_replicates(made.gpu_program, sizes, own // 2) == 0


def test_auto_takes_the_processor_where_no_driver_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from lpmdsl.runtime.engine.gpu import detection

    monkeypatch.setattr(detection, "DEVICES", ("/nowhere",))
    model = loaded(SCHOOL)
    assert engines.engine_for(compile_model(model.model, model.facts), "auto", 1).name == "cpu"


@pytest.mark.parametrize("found", [None, (3, 5), (3, 10), (4, 0)])
def test_an_unknown_triton_is_told(found: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    from lpmdsl.diagnostics import LpmError
    from lpmdsl.runtime.engine.gpu import detection

    monkeypatch.setattr(detection, "triton_version", lambda: found)
    with pytest.raises(LpmError) as told:
        detection.require_gpu()
    assert [d.code for d in told.value.report.diagnostics] == ["E0832"]
    assert not detection.has_gpu()


def test_a_run_that_a_gpu_cannot_hold_says_what_would_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    from lpmdsl.diagnostics import LpmError
    from lpmdsl.runtime.engine.buffers import size_values
    from lpmdsl.runtime.engine.gpu.memory import require_device_memory

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1 << 16, 1 << 17))
    made = compiled(loaded(TOWN).model)
    request = request_of(made.model, 5_000, 1)
    sizes = size_values(made.gpu_program, request)
    with pytest.raises(LpmError) as told:
        require_device_memory(made.gpu_program, request, sizes, 1, torch.device("cuda"))
    (said,) = told.value.report.diagnostics
    assert said.code == "E0831" and (found := re.search(r"--agents Person=(\d+)", said.help))
    assert 1 <= int(found[1]) < 5_000

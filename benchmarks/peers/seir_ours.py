"""lpmdsl: the model of ``benchmarks/seir_network.lpm``, compiled once, on one thread."""

from __future__ import annotations

from pathlib import Path

from shared import Clock, asked

from benchmarks.stages import prepare
from lpmdsl import __version__
from lpmdsl.runtime.engine.execute import cpu_runner

MODEL = Path(__file__).parent.parent / "seir_network.lpm"


def main() -> None:
    options = asked()
    compiled, request, _ = prepare(MODEL, 2_000)
    run = cpu_runner(compiled, 1)
    run(request, None)  # makes the machine code, or finds it
    clock = Clock()
    _, request, _ = prepare(MODEL, options.agents, options.seed)
    clock.start()
    result = run(request, None)
    clock.stop()
    # What the peers do when they are initialised, drawing first states and thresholds, is set-up here too.
    clock.started += result.timings["begin"]
    clock.run = result.timings["steps"]
    clock.processor *= clock.run / (result.timings["begin"] + clock.run)
    attack = float((result.states["Illness"] != 0).mean())
    clock.tell(options.agents, attack, f"lpmdsl {__version__}")


main()

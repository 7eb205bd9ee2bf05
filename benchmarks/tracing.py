"""Tracing of contacts against the same epidemic without it: processor seconds of one run on one thread.

    python -m benchmarks.tracing                      # a million people, 150 days
    python -m benchmarks.tracing --agents 200000

``models/tracing.lpm`` as it is, and with nobody told of anything. The figures are in ``docs/models/tracing.md``.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import lpmdsl
from lpmdsl.backends.request import RunRequest
from lpmdsl.compiler import Compiled
from lpmdsl.population.people import build_world, start_states
from lpmdsl.runtime.engine.execute import cpu_runner
from lpmdsl.semantics.host.evaluate import parameter_values

MODEL = Path(__file__).parent.parent / "models" / "tracing.lpm"
TELLING = (("parameter reached", "\n## Relative"), ("  on entering Positive", "  on entering Done"), ("scenario", ""))
"""Parts of the model about telling those who were met: from a text until before another; "": the end."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--agents", type=int, default=1_000_000)
    agents = options.parse_args().agents
    text = MODEL.read_text(encoding="utf-8")
    traced = _seconds("traced", text, agents)
    untraced = text
    for begin, end in TELLING:
        first = untraced.index(begin)
        last = untraced.index(end, first) if end else len(untraced)
        untraced = untraced[:first] + untraced[last:]
    alone = _seconds("untraced", untraced, agents)
    print(f"traced / untraced {traced / alone:.2f}")


def _seconds(name: str, text: str, agents: int) -> float:
    """Processor seconds of a run, after a short one that compiles."""
    loaded = lpmdsl.load(text)
    model = loaded.model
    values = parameter_values(model)
    world = build_world(model, values, 1, {"Person": agents}, keeps_keys=True)
    request = RunRequest(model, world, values, start_states(model, world, values, 1, 0), 1, 0, model.clock.steps)
    run = cpu_runner(Compiled(model, loaded.facts), 1)
    run(replace(request, steps=2), None)
    began = time.process_time()
    result = run(request, None)
    took = time.process_time() - began
    print(f"{name:<9} {took:.2f} s, {float(result.observations['infections'].sum()):,.0f} infections", flush=True)
    return took


if __name__ == "__main__":
    main()

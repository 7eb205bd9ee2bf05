"""The manifest of a run: which text, which versions, which numbers, how long and how much memory."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from lpmdsl.config import BASELINE, CostRecord, Manifest, ObservationRecord, ParameterRecord
from lpmdsl.reading.door import place_of, read_file
from lpmdsl.reading.problem import Problem
from lpmdsl.runtime.scenarios import Plan
from lpmdsl.semantics.model import Derived, Distribution, Flow, Level, Model, Observation, Parameter, Spending
from lpmdsl.source import Source, Span

if sys.platform != "win32":
    import resource

PACKAGES = ("lpmdsl", "numpy", "llvmlite", "torch")


def begin_manifest(model: Model, source: Source, plan: Plan, backend: str, threads: int) -> Manifest:
    """The manifest before the first step: ``complete`` is false until ``finish`` says otherwise."""
    base = plan.variants[0].parameters
    return Manifest(
        model=model.name,
        version=model.version,
        sha256=model_hash(model, source),
        versions=versions(),
        seed=plan.options.seed,
        replicates=plan.options.replicates,
        redraw_people=plan.options.redraw_people,
        scenarios=tuple(v.name for v in plan.variants),
        parameters={p.name: _parameter(p, base[p.name]) for p in model.told_parameters},
        changes={
            v.name: {p.name: x for p in model.told_parameters if (x := v.parameters[p.name]) != base[p.name]}
            for v in plan.variants
            if v.name != BASELINE
        },
        observations={o.name: _observation(o) for o in model.reported},
        costs={i.name: CostRecord(currency=i.currency) for i in model.interventions if i.costs is not None},
        backend=backend,
        threads=threads,
        agents=dict(plan.counts),
        step_days=model.clock.step,
        steps=plan.steps,
        start_date=model.clock.start,
        started=now(),
    )


def now() -> str:
    """Time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that touch a result; absent ones are left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def peak_memory_mib() -> float | None:
    """The most memory this process has held at once, in MiB; None where the system does not say."""
    if sys.platform == "win32":
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)  # bytes on macOS, KiB elsewhere


def model_hash(model: Model, source: Source) -> str:
    """SHA-256 over the text, the texts it uses, its tables' and covariates' values and its data files."""
    digest = hashlib.sha256(source.text.encode())
    texts = {s.text for s in _sources(model)} - {source.text}
    for text in sorted(texts):
        digest.update(text.encode())
    for table in model.tables:
        digest.update(repr(table.values).encode())
    for net in model.nets:
        digest.update(repr(net.rows).encode())
    files = {(a.file, (a.file_span or a.span).source) for a in model.agents} | {
        (n.file, n.span.source) for n in model.networks
    }
    for name, text in sorted(((f, s) for f, s in files if f), key=lambda named: named[0]):
        # A file that has gone since the check is reported (E0640) by whoever reads it for the run.
        with suppress(Problem):
            digest.update(read_file(name, place_of(text, model.directory)).data)
    return digest.hexdigest()


def _sources(node: object) -> Iterator[Source]:
    """Every text that a declaration of the model was read from (each may come more than once)."""
    if isinstance(node, Span):
        yield node.source
    elif isinstance(node, tuple):
        for item in node:
            yield from _sources(item)
    elif hasattr(node, "__dataclass_fields__"):
        for f in fields(node):  # type: ignore[arg-type]
            yield from _sources(getattr(node, f.name))


def _parameter(parameter: Parameter, base: float) -> ParameterRecord:
    prior = prior_text(parameter.prior)
    return ParameterRecord(
        value=float(f"{base / parameter.scale:.12g}"),
        unit=parameter.unit,
        base=base,
        prior=prior,
        source=parameter.source,
        doc=parameter.doc,
    )


def prior_text(prior: Distribution | None) -> str:
    """The prior as it stands in the text."""
    if prior is None:
        return ""
    span = prior.span
    return " ".join(span.source.text[span.start : span.end].split())


def _observation(observation: Observation) -> ObservationRecord:
    match observation.value:
        case Flow() | Spending():
            is_flow, adds_up = True, True
        case Level(aggregate):
            is_flow, adds_up = False, aggregate.function in ("count", "sum")
        case Derived():
            is_flow, adds_up = False, False
    return ObservationRecord(
        unit=observation.unit,
        every=observation.every,
        groups=observation.groups,
        is_flow=is_flow,
        adds_up=adds_up,
        doc=observation.doc,
    )

"""What a run is asked for and what it leaves behind, as checked records: options and the manifest."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

BackendName = Literal["auto", "cpu", "gpu", "reference"]
BASELINE = "baseline"
MANIFEST_NAME = "manifest.json"


class RunOptions(BaseModel):
    """What the command line or ``LoadedModel.run`` asks for.

    ``settings``: parameter name to text with a unit (``0.03 per contact``) or to a number in base units. ``agents``:
    how many of a kind, in place of the model's count. ``steps`` None: as the model's clock says. ``threads`` None: all.
    ``redraw_people``: every replicate has people, places and ties of its own, not only luck of its own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(default=1, ge=0, lt=2**64)
    replicates: int = Field(default=1, ge=1, lt=2**32 - 1)
    scenarios: tuple[str, ...] = (BASELINE,)
    settings: dict[str, str | float] = Field(default_factory=dict)
    agents: dict[str, int] = Field(default_factory=dict)
    backend: BackendName = "auto"
    steps: int | None = Field(default=None, ge=1)
    threads: int | None = Field(default=None, ge=1)
    redraw_people: bool = False


class Seconds(BaseModel):
    """Wall-clock seconds: ``compile`` (check and build), ``setup`` (people, places, ties, start states), ``run``."""

    compile: float = 0.0
    setup: float = 0.0
    run: float = 0.0


class ParameterRecord(BaseModel):
    """A parameter's value as a reader writes it: ``value`` in ``unit``; ``base`` in the compiler's base units."""

    value: float
    unit: str
    base: float
    prior: str = ""
    source: str = ""
    doc: str = ""


class ObservationRecord(BaseModel):
    """How to read an observation. ``is_flow``: entries in a period, so a total has a meaning.
    ``adds_up``: the sum over its groups is the whole."""

    unit: str
    every: float
    groups: tuple[str, ...]
    is_flow: bool
    adds_up: bool
    doc: str = ""


class Manifest(BaseModel):
    """``manifest.json``: enough to say what was run, to run it again, and whether it came to its end.

    ``changes``: per scenario the parameters that differ from ``parameters`` (base units). ``stopped`` and
    ``stopped_after``: why a run ended early and the last finished step of the unfinished replicate.
    """

    model: str
    version: str
    sha256: str
    versions: dict[str, str]
    seed: int
    replicates: int
    redraw_people: bool = False
    scenarios: tuple[str, ...]
    parameters: dict[str, ParameterRecord]
    changes: dict[str, dict[str, float]] = Field(default_factory=dict)
    observations: dict[str, ObservationRecord]
    backend: str
    threads: int
    agents: dict[str, int]
    step_days: float
    steps: int
    start_date: str | None = None
    seconds: Seconds = Field(default_factory=Seconds)
    agent_steps_per_second: float = 0.0
    peak_memory_mib: float | None = None
    started: str
    finished: str | None = None
    complete: bool = False
    stopped: str = ""
    stopped_after: int | None = None
    finished_replicates: int = 0
    broken_checks: tuple[str, ...] = ()

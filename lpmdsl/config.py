"""The request of a run and its record, checked: options and the manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.source import Source, Span

BackendName = Literal["auto", "cpu", "gpu", "reference"]
LlmMode = Literal["live", "record", "replay"]
BASELINE = "baseline"
MANIFEST_NAME = "manifest.json"


MOST_STEPS = 100_000_000
"""Of a run: beyond that it is a slip of the pen."""


class Options(BaseModel):
    """Options of a command. Raises ``LpmError`` (E0881) for values that cannot be, in words."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _refused(error) from None


def _refused(error: ValidationError) -> LpmError:
    report = Report()
    for wrong in error.errors():
        name, given = ".".join(str(part) for part in wrong["loc"]), str(wrong.get("input"))
        shown = given if len(given) <= 40 else f"{given[:37]}…"
        source = Source(f"option {name}", "")
        report.add("E0881", f"`{name}` cannot be `{shown}`: {_reason(wrong)}.", Span(source, 0, 0))
    return LpmError(report)


_BOUNDS = {"ge": "it is {} or more", "gt": "it is above {}", "le": "it is {} or less", "lt": "it is below {}"}


def _reason(wrong: Any) -> str:
    bounds = [_BOUNDS[key].format(value) for key, value in wrong.get("ctx", {}).items() if key in _BOUNDS]
    if bounds:
        return bounds[0]
    if wrong["type"] == "extra_forbidden":
        return "there is no such option"
    text = wrong["msg"].removeprefix("Input should be ").split(", unable")[0]
    return f"it should be {text}"


class LlmOptions(Options):
    """Options of who answers where behaviours ask.

    ``mode``: ``replay`` from the ledger alone; ``record`` asks the server for what the ledger lacks and keeps it;
    ``live`` asks anew and keeps nothing. ``ledger`` None: ``MODEL.ledger.jsonl`` beside the model (replay), else
    ``ledger.sqlite`` in the current folder. ``model`` "" in a replay: the ledger's only one. ``max_calls``: HTTP
    requests; ``max_cost``: money of ``prices``. ``rate``: calls a second; ``timeout`` and ``longest_wait`` (between
    two tries): seconds. ``log``: where requests and replies are written in full. The key comes from the environment
    (``LPM_LLM_KEY`` or ``OPENAI_API_KEY``) and is kept nowhere.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: LlmMode
    url: str = "http://127.0.0.1:8080/v1"
    model: str = ""
    ledger: Path | None = None
    prices: Path | None = None
    max_calls: int | None = Field(default=None, ge=0)
    max_cost: float | None = Field(default=None, ge=0)
    allow_remote: bool = False
    log: Path | None = None
    concurrency: int = Field(default=8, ge=1, le=256)
    rate: float | None = Field(default=None, gt=0)
    timeout: float = Field(default=60.0, gt=0)
    retries: int = Field(default=4, ge=0, le=20)
    longest_wait: float = Field(default=60.0, ge=0)
    temperature: float = Field(default=1.0, ge=0, le=2)
    max_tokens: int = Field(default=64, ge=8, le=4096)


class RunOptions(Options):
    """Options of ``lpmc run`` and ``LoadedModel.run``.

    ``settings``: parameter name to text with a unit (``0.03 per contact``) or to a number in base units. ``agents``:
    how many of a kind, in place of the model's count. ``steps`` None: as the model's clock says. ``threads`` None: all.
    ``redraw_people``: every replicate has people, places and ties of its own, not only draws of its own. ``llm``: who
    answers for behaviours that ask; None: the recorded answers beside the model, if there are any.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(default=1, ge=0, lt=2**64)
    replicates: int = Field(default=1, ge=1, lt=2**32 - 1)
    scenarios: tuple[str, ...] = (BASELINE,)
    settings: dict[str, str | float] = Field(default_factory=dict)
    agents: dict[str, int] = Field(default_factory=dict)
    backend: BackendName = "auto"
    steps: int | None = Field(default=None, ge=1, le=MOST_STEPS)
    threads: int | None = Field(default=None, ge=1, le=4096)
    redraw_people: bool = False
    llm: LlmOptions | None = None


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
    """Record of an observation, as its readers need it. ``is_flow``: entries in a period, so a total has a meaning.
    ``adds_up``: the sum over its groups is the whole."""

    unit: str
    every: float
    groups: tuple[str, ...]
    is_flow: bool
    adds_up: bool
    doc: str = ""


class BehaviourRecord(BaseModel):
    """Origins of the answers of one behaviour. ``asks``: replies that archetypes needed, each counted once a run;
    ``hits`` of them were in the ledger, ``fallbacks`` had none. Calls and tokens are of this run, retries included.
    ``reasons``: how often each reason for a fallback. ``asked_for``: kind of people → the kind that is asked for it,
    where there are representatives. ``distance``: from the survey of ``validate against``."""

    archetypes: int = 0
    asks: int = 0
    hits: int = 0
    fallbacks: int = 0
    reasons: dict[str, int] = Field(default_factory=dict)
    asked_for: dict[str, str] = Field(default_factory=dict)
    distance: float | None = None


class LlmRecord(BaseModel):
    """``behaviours`` of the manifest: who answered, and what it took. ``note``: what the ledger says of its answers."""

    mode: LlmMode
    model: str
    note: str = ""
    calls: int = 0
    retries: int = 0
    resamples: int = 0
    prompt_tokens: int = 0
    reply_tokens: int = 0
    cost: float | None = None
    currency: str = ""
    each: dict[str, BehaviourRecord] = Field(default_factory=dict)


class CostRecord(BaseModel):
    """Record of what an intervention cost: the amount of every replicate by scenario, in a currency."""

    currency: str
    spent: dict[str, list[float]] = Field(default_factory=dict)


class Manifest(BaseModel):
    """``manifest.json``: enough to say what was run, to run it again, and whether it came to its end.

    ``ties``: how many there are in every network that is made of them. ``costs``: of every intervention that
    has some.
    ``ended_after``: per scenario after how many steps the clock's ``until`` ended each replicate; null: not early.
    ``changes``: per scenario the parameters that differ from ``parameters`` (base units). ``stopped`` and
    ``stopped_after``: why a run ended early and the last finished step of the unfinished replicate. ``files``: the
    SHA-256 of every file beside it, by name; ``seal``: that of the manifest itself with an empty seal.
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
    ended_after: dict[str, list[int | None]] = Field(default_factory=dict)
    observations: dict[str, ObservationRecord]
    backend: str
    threads: int
    agents: dict[str, int]
    ties: dict[str, int] = Field(default_factory=dict)
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
    behaviours: LlmRecord | None = None
    costs: dict[str, CostRecord] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)
    seal: str = ""


Method = Literal["sampling", "gradient", "neural posterior", "search"]
CALIBRATION_NAME = "calibration.json"
MOST_DRAWS = 100_000_000


class CalibrationOptions(Options):
    """Options of ``lpmc calibrate`` and ``LoadedModel.calibrate``.

    ``method`` None: as the model says. ``chains``: chains, starts or ensembles, each with its draws. ``draws`` of
    each chain are kept after ``warmup`` (None: half as many). ``replicates`` None: as many as make the
    estimate of the log likelihood precise enough. ``r0``: whether R0 is computed over the posterior.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Method | None = None
    seed: int = Field(default=1, ge=0, lt=2**63)
    chains: int = Field(default=4, ge=2, le=64)
    draws: int = Field(default=2000, ge=10, le=MOST_DRAWS)
    warmup: int | None = Field(default=None, ge=10, le=MOST_DRAWS)
    replicates: int | None = Field(default=None, ge=2, le=MOST_DRAWS)
    settings: dict[str, str | float] = Field(default_factory=dict)
    agents: dict[str, int] = Field(default_factory=dict)
    threads: int | None = Field(default=None, ge=1, le=4096)
    redraw_people: bool = False
    r0: bool = True


class Estimate(BaseModel):
    """One parameter in its own unit: the middle of what is believed after the data, and how well that is known.

    ``low_50`` to ``high_50`` hold half of the posterior, ``low_95`` to ``high_95`` 95 %. ``r_hat`` (rank-normalised,
    split) is 1 where chains agree; ``ess``: effective sample size of the chains, in the bulk and the tails.
    """

    unit: str
    median: float
    mean: float
    sd: float
    low_50: float
    high_50: float
    low_95: float
    high_95: float
    prior: str
    r_hat: float | None
    ess_bulk: float | None
    ess_tail: float | None


class Reproduced(BaseModel):
    """R0 over the posterior, of the people as they are at the start: its median and intervals, and from how many draws.

    ``formula``: R0 in parameters, where it has so short a one; else it was worked out from a sample of people.
    """

    median: float
    low_50: float
    high_50: float
    low_95: float
    high_95: float
    draws: int
    formula: str | None


class Score(BaseModel):
    """Agreement of the posterior predictive with the data of one fit: mean scores and shares of the points covered."""

    observation: str
    part: Literal["fitted", "held out"]
    points: int
    wis: float
    crps: float
    coverage_50: float
    coverage_95: float


class Checked(BaseModel):
    """One summary of the fitted data beside the middle 95 % of what the fitted model makes of it."""

    observation: str
    name: str
    seen: float
    low: float
    high: float
    probability: float
    is_flagged: bool


class Certified(BaseModel):
    """The gradient in use against differences of the log posterior itself along random directions."""

    holds: bool
    ratio: float | None
    low: float | None
    high: float | None
    cosine: float | None
    words: str


class Calibration(BaseModel):
    """``calibration.json``: what was fitted, how, how far it can be believed, and what came of it.

    ``log_likelihood_sd``: of the estimate of the log likelihood at the middle of the posterior. ``reasons``: why the
    calibration did not converge, in words; empty if it did. ``notes``: what else is to be known of it. ``r0``: of every
    condition that is passed on. ``networks``: the trained weights of every family that a network gives. ``files`` and
    ``seal``: as in the manifest of a run.
    """

    model: str
    version: str
    sha256: str
    versions: dict[str, str]
    method: Method
    seed: int
    chains: int
    draws: int
    replicates: int
    agents: dict[str, int]
    settings: dict[str, float]
    converged: bool
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()
    parameters: dict[str, Estimate]
    r0: dict[str, Reproduced] = Field(default_factory=dict)
    correlations: dict[str, dict[str, float]]
    networks: dict[str, dict[str, float]] = Field(default_factory=dict)
    log_likelihood: float | None
    log_likelihood_sd: float | None
    acceptance: float | None
    certificate: Certified | None
    scores: tuple[Score, ...]
    checks: tuple[Checked, ...] = ()
    runs: int
    seconds: float
    started: str
    finished: str
    complete: bool
    stopped: str = ""
    files: dict[str, str] = Field(default_factory=dict)
    seal: str = ""

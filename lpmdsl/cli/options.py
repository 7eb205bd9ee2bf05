"""Arguments and options that several commands have in common."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """Formats of the output of a check."""

    text = "text"
    json = "json"


class Form(StrEnum):
    """Formats of an analysis."""

    text = "text"
    json = "json"
    latex = "latex"
    html = "html"


class Backend(StrEnum):
    """Back ends that a run can ask for."""

    auto = "auto"
    cpu = "cpu"
    gpu = "gpu"
    reference = "reference"


class Mode(StrEnum):
    """Sources of the answers of behaviours that ask."""

    live = "live"
    record = "record"
    replay = "replay"


class Target(StrEnum):
    """Texts that ``lpmc emit`` prints."""

    cpu = "cpu"
    llvm = "llvm"
    triton = "triton"
    ir = "ir"
    adjoint = "adjoint"
    json = "json"


File = Annotated[Path, typer.Argument(metavar="FILE", help="A model, such as town_flu.lpm.")]
Files = Annotated[list[Path], typer.Argument(metavar="FILE…", help="Models or libraries.")]
AllowFiles = Annotated[bool, typer.Option("--allow-files", help="The model may read any file, not only beside it.")]
Seed = Annotated[int, typer.Option(min=0, max=2**64 - 1, help="The same seed gives the same run.")]
Replicates = Annotated[int, typer.Option(min=1, max=2**32 - 2, help="How often, each with its own draws.")]
Repeats = Annotated[int | None, typer.Option(min=1, max=2**32 - 2, help="How often (as `repeat` says).")]
Scenarios = Annotated[list[str], typer.Option(metavar="NAME", help="A scenario, or baseline; may be repeated.")]
Setting = Annotated[list[str], typer.Option("--set", metavar='NAME="VALUE UNIT"', help="Another value of a parameter.")]
Agents = Annotated[list[str], typer.Option(metavar="KIND=N", help="Another number of agents of a kind.")]
BackendOption = Annotated[Backend, typer.Option(help="What runs the model; all give the same counts.")]
Steps = Annotated[int | None, typer.Option(min=1, max=100_000_000, help="Fewer or more steps than the clock says.")]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Where results go (runs/MODEL-SEED).")]
Threads = Annotated[int | None, typer.Option(min=1, max=4096, help="Processor threads to use (all).")]
Redraw = Annotated[bool, typer.Option("--redraw-people", help="New people, places and ties for every replicate.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that lpmc did not write, and say which before.")]
StepErrorOption = Annotated[bool, typer.Option("--step-error", help="Also run it with half its step, and tell.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar and no table.")]
Llm = Annotated[Mode | None, typer.Option("--llm", help="Who answers where behaviours ask: live, record, replay.")]
Url = Annotated[str, typer.Option("--llm-url", metavar="URL", help="An OpenAI-compatible server; it ends in /v1.")]
LlmModel = Annotated[str, typer.Option("--llm-model", metavar="NAME", help="Which of the server's models is asked.")]
LedgerFile = Annotated[Path | None, typer.Option("--ledger", metavar="FILE", help="Where answers are kept.")]
PriceFile = Annotated[Path | None, typer.Option("--prices", metavar="FILE", help="Prices of tokens, TOML or JSON.")]
MaxCalls = Annotated[int | None, typer.Option("--max-calls", min=0, help="Calls that may be sent.")]
MaxCost = Annotated[float | None, typer.Option("--max-cost", min=0, help="Money that may be spent, by --prices.")]
Remote = Annotated[bool, typer.Option("--allow-remote", help="Prompts may leave this computer.")]
LlmLog = Annotated[Path | None, typer.Option("--llm-log", metavar="FILE", help="Write requests and replies in full.")]
DEFAULT_URL = "http://127.0.0.1:8080/v1"
Profile = Annotated[bool, typer.Option("--profile", help="Also tell where the time goes, line by line.")]

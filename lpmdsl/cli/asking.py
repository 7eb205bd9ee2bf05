"""Commands about language models: cost, ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lpmdsl import terminal
from lpmdsl.cli.options import (
    Agents,
    AllowFiles,
    File,
    Force,
    Format,
    LlmModel,
    PriceFile,
    Replicates,
    Scenarios,
    Seed,
    Setting,
    Steps,
)
from lpmdsl.cli.words import load_told, numbers, pairs, print_lines, warn
from lpmdsl.writing.plain import write_whole


def cost(
    file: File,
    agents: Agents = [], set: Setting = [], scenario: Scenarios = [],  # noqa: B006 - typer copies the default
    replicates: Replicates = 1, seed: Seed = 1, steps: Steps = None,
    prices: PriceFile = None, llm_model: LlmModel = "",
    seconds: Annotated[float, typer.Option("--seconds-per-call", min=0, help="What one call takes.")] = 1.0,
    at_once: Annotated[int, typer.Option("--at-once", min=1, max=256, help="Calls under way at once.")] = 8,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count archetypes in a run where nobody answers.")] = False,
    format: Annotated[Format, typer.Option(help="text or json.")] = Format.text, allow_files: AllowFiles = False,
) -> None:  # fmt: skip
    """Tell what a run would ask a language model, before anything is asked: calls, tokens, money, time."""
    settings, counts = pairs("--set", set), numbers(pairs("--agents", agents))
    loaded = load_told(file, allow_files)
    from lpmdsl.config import BASELINE, RunOptions
    from lpmdsl.runtime.behaviour_costs import cost_of, cost_text
    from lpmdsl.runtime.behaviours.prices import read_prices
    from lpmdsl.runtime.scenarios import plan

    options = RunOptions(
        seed=seed, replicates=replicates, scenarios=tuple(scenario) or (BASELINE,), settings=dict(settings),
        agents=counts, steps=steps,
    )  # fmt: skip
    facts = loaded.facts if dry_run else None
    found = cost_of(loaded.model, plan(loaded.model, options), seconds, at_once, facts)
    known = read_prices(prices) if prices is not None else None
    if format is Format.json:
        terminal.text_out(found.model_dump_json(indent=2) + "\n")
    else:
        print_lines(cost_text(found, known, llm_model, prices))


ledgers = typer.Typer(no_args_is_help=True, help="Look at recorded answers, and share them.")


LinesOut = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where the lines go (to the terminal).")]


LedgerOut = Annotated[Path, typer.Option("--ledger", metavar="FILE", help="Where the answers go.")]


Recorded = Annotated[Path, typer.Argument(metavar="LEDGER", help="A ledger, such as ledger.sqlite.")]


@ledgers.command("show")
def ledger_show(ledger: Recorded) -> None:
    """Count what is in a ledger, and say whose answers they are. No prompt and no reply is printed."""
    from lpmdsl.runtime.behaviours.opening import open_existing

    opened = open_existing(ledger, read_only=True)
    facts = [f"{name}: {value:,}" for name, value in opened.summary().items()]
    note = opened.note()
    print_lines([*facts, f"models: {', '.join(opened.models())}", *([f"note: {note}"] if note else [])])
    opened.close()


@ledgers.command("export")
def ledger_export(
    ledger: Recorded,
    out: LinesOut = None,
    note: Annotated[str, typer.Option(help="What is to be said of these answers.")] = "",
    force: Force = False,
) -> None:
    """Write a ledger as lines of text, to be kept beside a model: MODEL.ledger.jsonl."""
    from lpmdsl.runtime.behaviours.jsonl import export_lines, require_kept
    from lpmdsl.runtime.behaviours.opening import open_existing

    opened = open_existing(ledger, read_only=True)
    lines = list(export_lines(opened, note))
    opened.close()
    if out is None:
        terminal.text_out("".join(f"{line}\n" for line in lines))
    else:
        require_kept(out, lines, force, warn)
        write_whole(out, "\n".join(lines) + "\n")
        terminal.out(f"{out}: {len(lines) - 1:,} requests")


@ledgers.command("import")
def ledger_import(
    lines: Annotated[Path, typer.Argument(metavar="LINES", help="What `export` wrote.")],
    ledger: LedgerOut = Path("ledger.sqlite"),
) -> None:
    """Read lines of text into a ledger; what is there already stays."""
    from lpmdsl.runtime.behaviours.jsonl import import_lines
    from lpmdsl.runtime.behaviours.ledger import open_ledger

    opened = open_ledger(ledger)
    read = import_lines(opened, lines)
    opened.close()
    terminal.out(f"{ledger}: {read:,} requests read")

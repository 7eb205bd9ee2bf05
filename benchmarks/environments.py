"""An environment of its own for every peer, made from the package index when it is first asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PEERS = HERE / "peers"


@dataclass(frozen=True, slots=True)
class Peer:
    """``largest``: agents beyond which one run takes minutes or the memory of a laptop. ``words``: for the table."""

    name: str
    largest: int
    words: str
    luck: str = ""


PEERS_MEASURED = (
    Peer("ours", 20_000_000, "**lpmdsl**"),
    Peer("keyed", 20_000_000, "C++ by hand, event by event, keyed draws", "keyed"),
    Peer("sequence", 20_000_000, "C++ by hand, one stream of draws", "sequence"),
    Peer("laser", 20_000_000, "LASER, **no network**"),
    Peer("starsim", 1_000_000, "Starsim"),
    Peer("covasim", 1_000_000, "Covasim"),
    Peer("mesa_frames", 1_000_000, "mesa-frames"),
    Peer("torch_eager", 1_000_000, "torch, operation by operation"),
    Peer("mesa", 100_000, "Mesa"),
    Peer("agent_torch", 100_000, "AgentTorch, its COVID substeps"),
)


def folder() -> Path:
    """Where environments are kept: ``LPMDSL_BENCHMARKS``, else the user's cache."""
    return Path(os.environ.get("LPMDSL_BENCHMARKS", Path.home() / ".cache" / "lpmdsl" / "benchmarks"))


def command(peer: Peer, agents: int, seed: int) -> list[str]:
    """What runs a peer once. Raises ``OSError`` or ``CalledProcessError`` where its environment cannot be made."""
    if peer.luck:
        return [str(_engine()), peer.luck, str(agents), "100", str(seed)]
    python = sys.executable if peer.name == "ours" else str(_python(peer.name))
    return [python, str(PEERS / f"seir_{peer.name}.py"), "--agents", str(agents), "--seed", str(seed)]


def script(peer: str, file: str) -> list[str]:
    """What runs a script of ``peers`` in a peer's environment; its options follow. Raises as ``command`` does."""
    return [str(_python(peer)), str(PEERS / file)]


def _python(name: str) -> Path:
    """The interpreter of a peer's environment. The pin of torch goes along, so that pip takes that build."""
    place, wanted = folder() / name, PEERS / f"{name}.txt"
    python, mark = place / "bin" / "python", place / "made_of.txt"
    if not mark.exists() or mark.read_text() != wanted.read_text():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        install = [str(python), "-m", "pip", "install", "-q", "--pre", "-c", str(HERE.parent / "constraints.txt")]
        subprocess.run([*install, "-r", str(wanted)], check=True)
        mark.write_text(wanted.read_text())
    return python


def _engine() -> Path:
    """The C++ engine, compiled for this machine when its source is newer."""
    source, program = PEERS / "event_engine.cpp", folder() / "event_engine"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        program.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["g++", "-O3", "-march=native", "-std=c++17", str(source), "-o", str(program)], check=True)
    return program

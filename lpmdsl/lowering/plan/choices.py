"""One line of the explanation of a plan: how something is gone through or kept, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the explanation: what, how, and why."""

    subject: str
    way: str
    why: str

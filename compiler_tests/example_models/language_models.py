"""Behaviours for the tests of language models, made of text, and who answers for them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compiler_tests.example_models.behaviour_models import checked
from lpmdsl.backends.request import Archetype
from lpmdsl.config import LlmOptions
from lpmdsl.runtime.behaviours.answers import Answers
from lpmdsl.runtime.behaviours.opening import open_answers
from lpmdsl.semantics.analysis.archetypes import digits, labels_of_code, most_archetypes
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.semantics.model import Behaviour, Model
from lpmdsl.source import Source

MODELS = Path(__file__).parent.parent.parent / "models"
POLICY = (MODELS / "isolation_policy.lpm").read_text(encoding="utf-8")
BY_PROBABILITIES = "asks for probabilities"


def policy_model(times: int = 0, more: str = "") -> Model:
    """``models/isolation_policy.lpm``, asking so many times (0: for probabilities), with more lines below."""
    text = POLICY.replace(BY_PROBABILITIES, f"asks {times} times per archetype") if times else POLICY
    return checked(text.rstrip() + "\n" + more)


def share_model(most_fallbacks: str = "100 %") -> Model:
    """The same, deciding a share."""
    text = POLICY.replace("isolating yes/no = no", "kept share = 100 %")
    text = text.replace("1 - isolation_effect where isolating", "kept")
    text = text.replace("Person where isolating by", "Person by")
    text = text.replace("parameter isolation_effect = 70 %\n", "")
    text = text.replace("observe staying_home = share of", "observe n = count of")
    text = text[: text.index("behaviour isolate")] + (
        "behaviour keep of Person\n  decides share into kept\n  every week\n  knows age_group\n"
        '  asks 2 times per archetype\n    "You are {age_group}. How much do you keep?"\n'
        f"  otherwise 70 %\n  at most {most_fallbacks} fallbacks\n"
    )
    return checked(text)


def law(age: int, cases: int) -> float:
    """The probability to isolate that the policy model was trained to have."""
    return 1 / (1 + math.exp(-(-2.5 + 0.6 * age + 1.1 * cases)))


def everyone(behaviour: Behaviour) -> tuple[Archetype, ...]:
    """All archetypes that there can be."""
    return tuple(Archetype(code, labels_of_code(behaviour, code)) for code in range(most_archetypes(behaviour)))


def place_of(behaviour: Behaviour, archetype: Archetype) -> tuple[int, ...]:
    """The numbers of its labels."""
    return tuple(labels.index(label) for labels, label in zip(digits(behaviour), archetype.labels, strict=True))


@contextmanager
def asked(model: Model, /, **options: object) -> Iterator[Answers]:
    """Who answers, closed at the end."""
    chosen = LlmOptions.model_validate({"mode": "live", "model": "policy", **options})
    answers = open_answers(model, Source("test", ""), chosen, ("baseline",), parameter_values(model))
    assert answers is not None
    try:
        yield answers
    finally:
        answers.close()

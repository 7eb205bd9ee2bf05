"""Prices of tokens: a dated file of the user's, in TOML or JSON. Nothing is known of prices here."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lpmdsl.diagnostics import LpmError, did_you_mean, fail
from lpmdsl.source import Source, Span


class Price(BaseModel):
    """Money for a million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    prompt: float = Field(ge=0, allow_inf_nan=False)
    reply: float = Field(ge=0, allow_inf_nan=False)

    def of(self, prompt_tokens: float, reply_tokens: float) -> float:
        """Price of so many tokens."""
        return (prompt_tokens * self.prompt + reply_tokens * self.reply) / 1e6


class Prices(BaseModel):
    """``date``: the day on which these prices held."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    date: date
    currency: str = Field(min_length=1)
    models: dict[str, Price]


def read_prices(path: Path) -> Prices:
    """Raises ``LpmError`` E0858 for a file that is not there or does not read."""
    try:
        text = path.read_text(encoding="utf-8")
        return Prices.model_validate(json.loads(text) if path.suffix == ".json" else tomllib.loads(text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise _wrong(path, f"`{where}`: {first['msg'][:1].lower()}{first['msg'][1:]}") from error
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not TOML or JSON"
        raise _wrong(path, reason or "it cannot be read") from error


def price_of(prices: Prices, model: str, path: Path) -> Price:
    """The price of a language model. Raises ``LpmError`` E0858 where the file has none."""
    if model not in prices.models:
        raise _wrong(path, f"there is no price of `{model}`.{did_you_mean(model, prices.models)}")
    return prices.models[model]


def _wrong(path: Path, why: str) -> LpmError:
    help = 'Three lines are enough: date = 2026-01-31, currency = "USD", models.NAME = {prompt = 0.15, reply = 0.60}.'
    return fail("E0858", f"The prices do not read: {why}", Span(Source(str(path), ""), 0, 0), help)

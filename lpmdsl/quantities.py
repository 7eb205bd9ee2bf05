"""Dimensions, units and types: the vocabulary in which every expression is checked.

Values inside the compiler are in base units: day, person, contact, dose, metre, one unit of money.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

BASES = ("time", "person", "contact", "dose", "money", "length")


@dataclass(frozen=True, slots=True)
class Dimension:
    """Rational exponents over ``BASES``; ``Dimension()`` is a pure number."""

    time: Fraction = Fraction(0)
    person: Fraction = Fraction(0)
    contact: Fraction = Fraction(0)
    dose: Fraction = Fraction(0)
    money: Fraction = Fraction(0)
    length: Fraction = Fraction(0)

    def exponents(self) -> tuple[Fraction, ...]:
        """Exponents of the base dimensions, in their order."""
        return tuple(getattr(self, base) for base in BASES)

    def __mul__(self, other: Dimension) -> Dimension:
        return Dimension(*(a + b for a, b in zip(self.exponents(), other.exponents(), strict=True)))

    def __truediv__(self, other: Dimension) -> Dimension:
        return Dimension(*(a - b for a, b in zip(self.exponents(), other.exponents(), strict=True)))

    def __pow__(self, power: Fraction | int) -> Dimension:
        return Dimension(*(a * power for a in self.exponents()))

    def without_people(self) -> Dimension:
        """The same dimension with people not counted: a bare count reads as people."""
        return Dimension(self.time, Fraction(0), self.contact, self.dose, self.money, self.length)

    def __str__(self) -> str:
        """In a reader's words: ``a pure number``, ``per day``, ``contacts per day``, ``days``."""
        nouns = {
            "time": "days",
            "person": "people",
            "contact": "contacts",
            "dose": "doses",
            "money": "money",
            "length": "metres",
        }
        singular = {
            "time": "day",
            "person": "person",
            "contact": "contact",
            "dose": "dose",
            "money": "unit of money",
            "length": "metre",
        }
        up = [_power(nouns[b], e) for b, e in zip(BASES, self.exponents(), strict=True) if e > 0]
        down = [_power(singular[b], -e) for b, e in zip(BASES, self.exponents(), strict=True) if e < 0]
        if not up and not down:
            return "a pure number"
        return " ".join([" × ".join(up), *(f"per {d}" for d in down)]).strip()


def _power(word: str, exponent: Fraction) -> str:
    return word if exponent == 1 else f"{word}^{exponent}"


NUMBER_DIM = Dimension()
TIME = Dimension(time=Fraction(1))
PERSON = Dimension(person=Fraction(1))
CONTACT = Dimension(contact=Fraction(1))
DOSE = Dimension(dose=Fraction(1))
MONEY = Dimension(money=Fraction(1))
LENGTH = Dimension(length=Fraction(1))
PER_TIME = NUMBER_DIM / TIME
PER_CONTACT = NUMBER_DIM / CONTACT
CONTACT_RATE = CONTACT / TIME


@dataclass(frozen=True, slots=True)
class UnitOfMeasure:
    """One of ``name`` is ``scale`` base units of ``dimension``."""

    name: str
    scale: float
    dimension: Dimension


def _units() -> dict[str, UnitOfMeasure]:
    rows: list[tuple[tuple[str, ...], float, Dimension]] = [
        (("second", "seconds"), 1 / 86400, TIME),
        (("minute", "minutes"), 1 / 1440, TIME),
        (("hour", "hours"), 1 / 24, TIME),
        (("day", "days"), 1.0, TIME),
        (("week", "weeks"), 7.0, TIME),
        (("month", "months"), 365.25 / 12, TIME),
        (("year", "years"), 365.25, TIME),
        (("person", "people"), 1.0, PERSON),
        (("contact", "contacts"), 1.0, CONTACT),
        (("dose", "doses"), 1.0, DOSE),
        (("m", "metre", "metres"), 1.0, LENGTH),
        (("km",), 1000.0, LENGTH),
        *(((currency,), 1.0, MONEY) for currency in ("USD", "EUR", "GBP", "INR", "CNY", "JPY", "BRL", "ZAR")),
        (("tie",), 1.0, NUMBER_DIM),
    ]
    return {name: UnitOfMeasure(names[0], scale, dim) for names, scale, dim in rows for name in names}


UNITS = _units()
CURRENCIES = frozenset(name for name, unit in UNITS.items() if unit.dimension == MONEY)


class Kind(Enum):
    """Kinds of values of an expression."""

    BOOLEAN = "yes/no"
    CATEGORY = "category"
    NUMBER = "number"
    SHARE = "share"
    PROBABILITY = "probability"
    DATE = "date"
    PLACE = "place"
    ERROR = "error"  # already reported: silences what follows from it


@dataclass(frozen=True, slots=True)
class Type:
    """``kind``, with the dimension of a number or the labels of a category.

    A duration is a NUMBER of dimension TIME, money a NUMBER of dimension MONEY, a rate a NUMBER whose
    dimension has time^-1. SHARE and PROBABILITY are pure numbers in [0, 1]. A DATE is the TIME since the
    clock's start, below 0 before it.
    """

    kind: Kind
    dimension: Dimension = NUMBER_DIM
    labels: tuple[str, ...] = ()

    @property
    def is_numeric(self) -> bool:
        """Return True if values of the type are numbers."""
        return self.kind in (Kind.NUMBER, Kind.SHARE, Kind.PROBABILITY, Kind.DATE)

    def __str__(self) -> str:
        match self.kind:
            case Kind.NUMBER:
                return _NAMED.get(self.dimension, str(self.dimension))
            case Kind.CATEGORY:
                return f"a category ({', '.join(self.labels)})" if self.labels else "a category"
            case _:
                return f"a {self.kind.value}"


_NAMED = {TIME: "a duration", PER_TIME: "a rate (per day)", MONEY: "money", PERSON: "a number of people"}

BOOLEAN = Type(Kind.BOOLEAN)
NUMBER = Type(Kind.NUMBER)
PEOPLE = Type(Kind.NUMBER, PERSON)
SHARE = Type(Kind.SHARE)
PROBABILITY = Type(Kind.PROBABILITY)
DURATION = Type(Kind.NUMBER, TIME)
RATE = Type(Kind.NUMBER, PER_TIME)
ERROR = Type(Kind.ERROR)

"""Records against the dataclasses of the standard library: the same made of the same words."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import math
import pickle
from dataclasses import field
from typing import ClassVar

import pytest

from lpmdsl import records


def both(words: str) -> tuple[type, type]:
    """The class of the words as a record and as the standard library makes it."""
    made = []
    for decorator in (records.dataclass, dataclasses.dataclass):
        known = {"dataclass": decorator, "field": field, "__name__": __name__}
        exec(words, known)
        made.append(known["Part"])
    return made[0], made[1]


PART = '''
@dataclass(frozen=True, slots=True)
class Part:
    """A part."""

    name: str
    size: float
    hidden: int = field(default=1, repr=False, compare=False)
    unhashed: tuple = field(default=(), hash=False)
    notes: list = field(default_factory=list, hash=False)
    last: int = field(default=5, kw_only=True)
'''
POST = '''
@dataclass(frozen=True, slots=True)
class Part:
    """A part."""

    text: str
    length: int = 0

    def __post_init__(self):
        object.__setattr__(self, "length", len(self.text))
'''
ONE = '@dataclass(frozen=True, slots=True)\nclass Part:\n    """A part."""\n    value: object\n'
NONE = '@dataclass(frozen=True, slots=True)\nclass Part:\n    """A part."""\n'
OWN = ONE + "    def __eq__(self, other):\n        return True\n    def __repr__(self):\n        return 'it'\n"
OWN_HASH = OWN + "    def __hash__(self):\n        return 7\n"
ALIKE = ONE.replace("slots=True", "slots=True, eq=False")
CASES = [
    (PART, ("a", 2.0), ("a", 3.0)), (PART, ("a", 2.0, 8, (), [1]), ("a", 2.0, 9, (), [1])),
    (POST, ("abc",), ("abcd",)), (ONE, (1,), (2,)), (ONE, (math.nan,), (math.nan,)), (NONE, (), ()),
    (OWN, (1,), (2,)), (OWN_HASH, (1,), (2,)), (ALIKE, (1,), (1,)),
]  # fmt: skip


@pytest.mark.parametrize("words, first, second", CASES)
def test_a_record_is_what_the_standard_library_makes(words, first, second):
    (ours, theirs), found = both(words), []
    for cls in (ours, theirs):
        a, again, b = cls(*first), cls(*first), cls(*second)
        found.append([
            repr(a), a == again, a == b, a != b, a == 5, (hash(a) == hash(again)) if cls.__hash__ else None,
            len({a, again, b}), cls.__match_args__, [f.name for f in dataclasses.fields(cls)],
            cls.__slots__, hasattr(a, "__dict__"), dataclasses.is_dataclass(cls), cls.__doc__, cls.__qualname__,
            str(inspect.signature(cls)).count(","), repr(dataclasses.replace(a)), repr(copy.copy(a)),
            repr(copy.deepcopy(b)), cls.__init__.__qualname__, repr(dataclasses.asdict(a)),
        ])  # fmt: skip
    assert found[0] == found[1]


def test_each_gets_a_list_of_its_own():
    ours, _ = both(PART)
    assert ours("a", 1.0).notes is not ours("a", 1.0).notes and ours("a", 1.0).notes == []


@pytest.mark.parametrize("given, named", [(("a",), {}), (("a", 1, 2, (), [], 6), {}), (("a", 1), {"nosuch": 1})])
def test_wrong_arguments_are_refused_in_the_same_words(given, named):
    told = []
    for cls in both(PART):
        with pytest.raises(TypeError) as refused:
            cls(*given, **named)
        told.append(str(refused.value).replace("__self", "self"))
    assert told[0] == told[1]


def test_a_record_cannot_be_changed():
    told = []
    for cls in both(PART):
        part = cls("a", 1.0)
        for change in (lambda: setattr(part, "name", "b"), lambda: delattr(part, "name")):  # noqa: B023
            with pytest.raises(dataclasses.FrozenInstanceError) as refused:
                change()
            told.append(str(refused.value))
        assert part.name == "a"
    assert told[:2] == told[2:]
    with pytest.raises(dataclasses.FrozenInstanceError):
        both(PART)[0]("a", 1.0).new = 1


@records.dataclass(frozen=True, slots=True)
class Kept:
    """A record with a place in a module, as pickles need it."""

    name: str
    sizes: tuple[int, ...] = ()


def test_a_record_goes_through_a_pickle():
    kept = Kept("a", (1, 2))
    assert pickle.loads(pickle.dumps(kept)) == kept


def test_what_is_no_plain_record_is_refused():
    with pytest.raises(TypeError, match="frozen"):
        records.dataclass(frozen=False, slots=True)
    for words in (
        NONE.replace("class Part", "class Part(dict)"),
        ONE + "    other: ClassVar[int] = 3\n",
        ONE + "    other: int = field(default=1, init=False)\n",
    ):
        known = {"dataclass": records.dataclass, "field": field, "ClassVar": ClassVar, "__name__": __name__}
        with pytest.raises(TypeError):
            exec(compile(words, "words", "exec", dont_inherit=True), known)


def test_the_standard_library_can_make_more_of_a_record():
    @dataclasses.dataclass(frozen=True, slots=True)
    class More(Kept):
        """With a field of its own."""

        more: int = 0

    assert More("a", (), 3) == More("a", (), 3) != More("a", (), 4) and repr(More("b")).endswith("sizes=(), more=0)")

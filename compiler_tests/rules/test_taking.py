"""Taking: every way of running alike, the order of takers to the letter, nobody twice, and what cannot be said.

Seeds are fixed; |z| < 3 where a count over many copies is compared.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.both_backends import assert_same, request_of, runner
from compiler_tests.support.four_ways import assert_all_seen, same_four_ways, same_on_gpu
from lpmdsl.diagnostics import LpmError

EVERYTHING = Path(__file__).parent / "everything_taken.lpm"


@pytest.mark.parametrize("seed", [1, 2])
def test_all_ways_take_the_same(seed: int) -> None:
    result = same_four_ways(lpmdsl.load(EVERYTHING).model, 300, seed)
    assert_all_seen(result)


def test_a_gpu_takes_the_same() -> None:
    same_on_gpu(lpmdsl.load(EVERYTHING).model, 100, steps=6)


MANY = """model many

clock
  step 1 day
  for 4 days

agent Person count 60_000
  x number ~ uniform(0, 1)
  got number = 0
  worth number ~ uniform(0, 1)

network friends joins Person as small_world(degree 6, rewiring 20 %)

rule lots of Person
  take one of friends where their.x < 0.7
    set their.got to x
    add 1 to worth

rule ranked of Person
  take one of friends choosing highest their.worth first lowest x
    set their.got to their.got + x

observe got_sum = sum of got * x over Person every day
observe worth_sum = sum of worth * x over Person every day
"""


def test_three_threads_take_the_same() -> None:
    """60 000 agents are four chunks: threads propose to the same agents at once."""
    model = lpmdsl.load(MANY).model
    request = request_of(model, None, 3)
    alone = runner(model, "cpu")(request)
    assert_same(alone, runner(model, "cpu", 2)(request))
    assert_same(alone, runner(model, "cpu", 3)(request))
    assert_same(alone, runner(model, "reference")(request))


@pytest.mark.parametrize("whom", ["Person", "other Person", "all"])
def test_three_hundred_who_may_take_anybody_take_three_hundred(whom: str) -> None:
    """Of 500 people 300 picks meet 225.759 on average; 300 takes meet 300, in every one of 20 replicates."""
    text = f"""model takes

clock
  step 1 day
  for 1 days

agent Person count 500
  n number = 0
  town place of size 500

network all joins Person sharing town

rule taking of Person
  every day for at most 300 Person
  take one of {whom}
    add 1 to their.n

observe takes = sum of n over Person every day
observe distinct = count of Person where n > 0 every day
"""
    model = lpmdsl.load(text).model
    run = runner(model, "cpu")
    for k in range(20):
        found = run(request_of(model, None, 3, replicate=k)).observations
        assert (found["takes"][-1, 0], found["distinct"][-1, 0]) == (300, 300)
    same_four_ways(model, None)


# ------------------------------------------------------------------ networks from files

TIED = """model tied

clock
  step 1 day
  for 1 days

agent Person from "people.csv"
  name category
  takes yes/no
  rank number
  worth number
  has number = -1
  held_by number = -1

network ties joins Person from "ties.csv"
  weight number

rule taking of Person
  every day for Person where takes
  take one of ties where not their.takes{how}
    set has to {what}
    set their.held_by to rank

observe has_what = sum of has over Person by name every day
observe held = sum of held_by over Person by name every day
"""


def bipartite(tmp_path: Path, takers: int, others: int, degree: int, seed: int, how: str, what: str = "their.rank"):
    """A model of takers and of those whom they may take, each taker tied to so many; with the ties and their worths."""
    random = np.random.default_rng(seed)
    n = takers + others
    rank, worth = np.arange(n), random.permutation(n)
    names = [f"p{k:03d}" for k in range(n)]
    rows = [f"{k},{names[k]},{'yes' if k < takers else 'no'},{rank[k]},{worth[k]}" for k in range(n)]
    (tmp_path / "people.csv").write_text("\n".join(["id,name,takes,rank,worth", *rows]) + "\n")
    ties = [(t, int(o), int(random.integers(1000))) for t in range(takers)
            for o in takers + random.choice(others, degree, replace=False)]  # fmt: skip
    lines = "".join(f"{a},{b},{w}\n" for a, b, w in ties)
    (tmp_path / "ties.csv").write_text("source,target,weight\n" + lines)
    path = tmp_path / "tied.lpm"
    path.write_text(TIED.format(how=how, what=what))
    return lpmdsl.load(path).model, ties, worth


def in_order(takers: list[int], ties: list[tuple[int, int, int]], key) -> dict[int, int]:
    """Whom each has taken: one after the other, of what is left that with the highest key."""
    held: dict[int, int] = {}
    for taker in takers:
        free = [tie for tie in ties if tie[0] == taker and tie[1] not in held.values()]
        if free:
            held[taker] = max(free, key=key)[1]
    return held


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("first", ["highest", "lowest"])
def test_ranks_are_served_one_after_the_other(tmp_path: Path, seed: int, first: str) -> None:
    """No lots: 40 takers by a number of their own, 30 whom they may take, each of three of worths that differ."""
    model, ties, worth = bipartite(tmp_path, 40, 30, 3, seed, f" choosing highest their.worth first {first} worth")
    found = same_four_ways(model, None).observations["has_what"][-1]
    order = sorted(range(40), key=lambda k: worth[k], reverse=first == "highest")
    expected = in_order(order, ties, lambda tie: worth[tie[1]])
    assert [expected.get(k, -1) for k in range(40)] == list(found[:40].astype(int))
    assert 20 < len(expected) <= 30


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_said_of_the_tie_is_of_the_tie_by_which_one_took(tmp_path: Path, seed: int) -> None:
    """Takers by rank choose the heaviest tie that leads to somebody who is free."""
    how, what = " choosing lowest 0 - tie.weight first lowest rank", "tie.weight"
    model, ties, _ = bipartite(tmp_path, 40, 12, 4, seed, how, what)
    found = same_four_ways(model, None).observations["has_what"][-1]
    expected = in_order(list(range(40)), ties, lambda tie: tie[2])
    weight = {(a, b): w for a, b, w in ties}
    assert [weight.get((k, expected.get(k, -1)), -1) for k in range(40)] == list(found[:40].astype(int))


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_nobody_is_taken_twice_and_nobody_is_left_who_is_wanted(tmp_path: Path, seed: int) -> None:
    """By lot: each of those taken has one taker, and who went without found all that it may take taken."""
    model, ties, _ = bipartite(tmp_path, 40, 30, 3, seed, "")
    found = same_four_ways(model, None, seed).observations
    has, held = found["has_what"][-1].astype(int), found["held"][-1].astype(int)
    taken = [k for k in has[:40] if k >= 0]
    assert len(taken) == len(set(taken)) > 20
    assert all(held[other] == taker for taker, other in enumerate(has[:40]) if other >= 0)
    assert all((k, has[k]) in {tie[:2] for tie in ties} for k in range(40) if has[k] >= 0)
    for taker in (k for k in range(40) if has[k] < 0):
        assert {b for a, b, _ in ties if a == taker} <= set(taken)


def test_lots_decide_who_comes_first_and_whom_it_takes(tmp_path: Path) -> None:
    """A may take 1, B may take 1 or 2: A goes without in a quarter of 4 000 copies; |z| < 3."""
    n = 4_000
    rows = [f"{k},{'yes' if k % 4 < 2 else 'no'}" for k in range(4 * n)]
    (tmp_path / "people.csv").write_text("\n".join(["id,takes", *rows]) + "\n")
    ties = "".join(f"{4 * k},{4 * k + 2}\n{4 * k + 1},{4 * k + 2}\n{4 * k + 1},{4 * k + 3}\n" for k in range(n))
    (tmp_path / "ties.csv").write_text("source,target\n" + ties)
    path = tmp_path / "copies.lpm"
    path.write_text("""model copies

clock
  step 1 day
  for 1 days

agent Person from "people.csv"
  takes yes/no
  n number = 0

network ties joins Person from "ties.csv"

rule taking of Person
  every day for Person where takes
  take one of ties where not their.takes
    add 1 to n

observe served = sum of n over Person every day
""")
    served = same_four_ways(lpmdsl.load(path).model, None).observations["served"][-1, 0]
    assert abs(served - 1.75 * n) < 3 * np.sqrt(n * 3 / 16)


# ------------------------------------------------------------------ what the parts mean

PEOPLE = """model parts

clock
  step 1 day
  for {steps} days

agent Person count 1_000
  x number ~ uniform(0, 1)
  n number = 0
  got number = 0
  group category ~ categorical(a 50 %, b 50 %)

network friends joins Person as small_world(degree 4, rewiring 0 %)

{rules}

observe sum_x = sum of x over Person every day
observe sum_n = sum of n over Person every day
observe sum_got = sum of got over Person every day
"""


def parts(rules: str, steps: int = 2) -> dict[str, np.ndarray]:
    """What is observed of a thousand people under some rules, the same four ways."""
    result = same_four_ways(lpmdsl.load(PEOPLE.format(rules=rules, steps=steps)).model, 1_000)
    return {name: values.ravel() for name, values in result.observations.items()}


def test_those_who_take_nobody_are_the_otherwise_of_the_chain() -> None:
    """On a ring in which everybody takes, those served and those not are all; what is taken is as many as served."""
    rules = """rule chain of Person
  take one of friends where their.x < 0.5
    add 1 to their.got
    add 1 to n
  otherwise
    add 1_000_000 to n"""
    found = parts(rules)
    served, left = found["sum_n"][1] % 1_000_000, found["sum_n"][1] // 1_000_000
    assert served + left == 1_000 and served == found["sum_got"][1] and 400 < served < 600


def test_who_does_not_try_takes_nobody() -> None:
    """The chance of the paragraph is that of trying: with one friend in common the other is served in any case."""
    rules = """rule seldom of Person
  take one of other Person with probability 30 %
    add 1 to their.got"""
    found = parts(rules)["sum_got"]
    assert abs(found[1] - 300) < 3 * np.sqrt(1_000 * 0.3 * 0.7)


def test_what_is_set_of_the_taken_may_hang_on_both() -> None:
    """Numbers change hands: the taken get the takers' and the takers theirs, so the sum stays if nobody does both."""
    rules = """rule swap of Person
  every 2 days for Person where group is a
  take one of friends where their.group is b
    set their.x to x
    set x to their.x"""
    found = parts(rules)["sum_x"]
    assert found[1] == pytest.approx(found[0], rel=1e-12)


def test_the_taken_stays_in_view_of_what_is_joined_by_and() -> None:
    rules = """rule both of Person
  take one of friends
    add 1 to their.got
  and where their.group is group
    set their.n to 1 + 0 * x
  and always
    set their.n to their.n + 1 - 1"""
    found = parts(rules, 1)
    assert found["sum_n"][1] == 0 and found["sum_got"][1] > 800  # what was there when the rule began


PREY = """model prey

clock
  step 1 day
  for 12 days

agent Animal count 900
  hunts yes/no ~ bernoulli(30 %)
  meals number = 0

network near joins Animal as erdos_renyi(degree 6)

condition Life of Animal
  states Alive, Dead
  start Alive
  removed in Dead

rule hunt of Animal
  every 2 days for Animal where hunts
  {find} one of near where not their.hunts
    move their.Life to Dead
    add 1 to meals

observe eaten = sum of meals over Animal every day
observe dead = count of Animal where Life is Dead every day
"""


@pytest.mark.parametrize(("find", "twice"), [("take", False), ("pick", True)])
def test_each_prey_is_eaten_once(find: str, twice: bool) -> None:
    """Those who are taken die, one for each meal; of those who are picked some are eaten twice."""
    found = same_four_ways(lpmdsl.load(PREY.replace("{find}", find)).model, None).observations
    eaten, dead = found["eaten"].ravel(), found["dead"].ravel()
    assert dead[1] > 100 and dead[-1] > dead[1]
    assert np.all(eaten[1:] > dead[1:]) if twice else np.array_equal(eaten, dead)


def test_a_state_is_set_of_all_alike() -> None:
    """Everybody tells its friends: on a ring of 1 000 with 10 who know it spreads to two more on each side a day."""
    text = (
        PEOPLE.format(
            rules="""condition News of Person
  states Old, New
  start Old except 10 Person in New

rule tell of Person
  each of friends where News is New
    move their.News to New""",
            steps=3,
        )
        + "observe told = count of Person where News is New every day\n"
    )
    told = same_four_ways(lpmdsl.load(text).model, 1_000).observations["told"].ravel()
    assert told[0] == 10 and all(b <= a + 40 for a, b in pairwise(told)) and told[3] > 80


def test_later_takers_replace_what_earlier_ones_set() -> None:
    rules = """rule twice of Person
  take one of other Person
    set their.n to 1 + 0 * x
  take one of other Person
    set their.n to 2 + 0 * x"""
    assert 1_998 <= parts(rules, 1)["sum_n"][1] <= 2_000


def test_a_rule_that_takes_has_a_gradient_by_differences() -> None:
    rules = """parameter gain = 0.5

rule take_some of Person
  take one of friends
    set their.got to gain * x"""
    loaded = lpmdsl.load(PEOPLE.format(rules=rules, steps=2))
    (found,) = loaded.gradient("final of sum_got", ["gain"], replicates=4)
    assert found.estimator == "differences" and found.certificate.holds
    assert found.gradient == pytest.approx(found.mean / 0.5, rel=1e-6)


def test_the_relaxation_refuses_what_takes_and_names_it() -> None:
    text = EVERYTHING.read_text(encoding="utf-8").replace("with probability 80 %", "with probability p")
    loaded = lpmdsl.load(text.replace("\nagent ", "\nparameter p = 80 %\n\nagent ", 1))
    with pytest.raises(LpmError) as raised:
        loaded.gradient("total of taken_people", None, replicates=4, estimator="relaxation")
    assert any(d.code == "E0846" and "lots" in d.message for d in raised.value.report.diagnostics)


BROKEN = [
    ("take one of foes\n  add 1 to x", "E0201", 1, 15),
    ("take one of other friends\n  add 1 to x", "E1004", 1, 3),
    ("take one of friends where x\n  add 1 to x", "E0306", 1, 29),
    ("take one of friends choosing highest their.group\n  add 1 to x", "E0306", 1, 40),
    ("take one of friends first highest group\n  add 1 to x", "E0306", 1, 37),
    ("take one of friends first highest their.x\n  add 1 to x", "E1101", 1, 37),
    ("take one of friends with probability their.x\n  add 1 to x", "E1101", 1, 40),
    ("take one of friends with probability 2\n  add 1 to x", "E0313", 1, 40),
    ("take one of friends", "E1008", 1, 3),
    ("take one of friends by weight x\n  add 1 to x", "E0101", 1, 23),
    ("take here\n  add 1 to x", "E0103", 1, 8),
    ("take a friend", "E0101", 1, 8),
    ("take one of friends\n  set their.y to 1", "E0201", 2, 9),
    ("take one of friends\n  add 1 to x\notherwise\n  set their.x to x", "E1101", 4, 9),
    ("take one of friends\n  add 1 to x\nand pick one of friends\n  set their.x to x", "E1001", 4, 5),
    ("pick one of friends\n  set their.x to 1\npick one of friends\n  set their.x to 2", "E1010", 4, 5),
    ("pick one of friends\n  set their.group to a\nand always\n  set their.group to b", "E1010", 4, 5),
    ("take one of friends\n  set their.x to x\neach of friends\n  set their.x to 1", "E1010", 4, 5),
]


@pytest.mark.parametrize(("lines", "code", "line", "column"), BROKEN, ids=[c[0].replace("\n", " / ") for c in BROKEN])
def test_what_a_take_cannot_say_is_told_with_its_place(
    lines: str, code: str, line: int, column: int, above: str = ""
) -> None:
    rule = above + "rule wrong of Person\n" + "\n".join(f"  {text}" for text in lines.split("\n"))
    text = PEOPLE.format(rules=rule, steps=3)
    first = text[: text.index("rule wrong")].count("\n") + 1
    with pytest.raises(LpmError) as raised:
        lpmdsl.load(text)
    found = [(d.code, d.span.line - first, d.span.column) for d in raised.value.report.diagnostics]
    assert (code, line, column) in found, found


MOVES = [
    ("pick one of friends\n  move their.Flu to I\neach of friends\n  move their.Flu to S", "E1010", 4, 5),
    ("move their.Flu to I", "E1101", 1, 8),
    ("pick one of friends\n  move their.Cold to I", "E0201", 2, 10),
    ("pick one of friends\n  move their.Flu to R", "E0203", 2, 23),
    ("each of friends\n  move Flu to I", "E1003", 2, 5),
    ("pick one of friends\n  move their.Flu to their.Flu", "E0109", 2, 23),
]


@pytest.mark.parametrize(("lines", "code", "line", "column"), MOVES, ids=[c[0].replace("\n", " / ") for c in MOVES])
def test_what_a_move_of_another_cannot_be_is_told(lines: str, code: str, line: int, column: int) -> None:
    condition = "condition Flu of Person\n  states S, I\n  start S except 5 Person in I\n\n"
    test_what_a_take_cannot_say_is_told_with_its_place(lines, code, line, column, condition)


def warnings(rules: str) -> list[tuple[str, int]]:
    """Codes of warnings about a rule, with the lines below its first."""
    text = PEOPLE.format(rules=rules, steps=2)
    first = text[: text.index("rule ")].count("\n") + 1
    found = lpmdsl.load(text).report.diagnostics
    return [(d.code, d.span.line - first) for d in found if d.code == "W1007"]


def test_what_several_may_have_is_told() -> None:
    shared = "rule eat of Person\n  pick one of friends\n    add their.n to n\n    set their.n to 0"
    assert warnings(shared) == [("W1007", 3)]
    assert warnings(shared.replace("pick one", "each")) == [("W1007", 3)]
    assert warnings(shared.replace("    set", "  and always\n    set")) == [("W1007", 4)]
    assert warnings(shared.replace("pick", "take")) == []
    assert warnings(shared.replace("of Person\n", "of Person\n  every day for at most 1 Person\n")) == []
    assert warnings(shared.replace("set their.n to 0", "add -1 to their.n")) == []
    assert warnings(shared.replace("set their.n", "set their.got")) == []


def test_two_paragraphs_may_set_the_same() -> None:
    rules = """rule same of Person
  pick one of friends
    set their.n to 1
  each of friends where their.x > 0.5
    set their.n to 1"""
    assert 500 < parts(rules)["sum_n"][1] <= 1_000

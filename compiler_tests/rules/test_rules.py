"""Rules: every way of running alike, exact chains and fixed points, and messages about what cannot be said.

Seeds are fixed; |z| < 3 where a mean over replicates is compared, χ² below its 99.9 % point where a distribution is.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import lpmdsl
from compiler_tests.support.both_backends import assert_same, request_of, runner
from compiler_tests.support.four_ways import assert_all_seen, same_four_ways, same_on_gpu
from lpmdsl.diagnostics import LpmError

EVERYTHING = Path(__file__).parent / "everything_ruled.lpm"
DONE = Path(__file__).parent / "everything_done.lpm"
CLOCK = "clock\n  step 1 day\n  for {steps} days\n"


@pytest.mark.parametrize(("path", "seed"), [(EVERYTHING, 1), (EVERYTHING, 2), (DONE, 1), (DONE, 2)])
def test_all_ways_follow_the_same_rules(path: Path, seed: int) -> None:
    result = same_four_ways(lpmdsl.load(path).model, 300, seed)
    assert_all_seen(result)


def test_three_threads_follow_the_same_rules() -> None:
    rules = """rule give of Person
  pick one of friends where their.x < x
    add 0.5 to their.praise
  otherwise
    set x to x / 2
  each of friends with probability 30 %
    add x to their.praise
    add their.x to n"""
    model = lpmdsl.load(PEOPLE.format(rules=rules, steps=3)).model
    request = request_of(model, 60_000, 3)
    assert_same(runner(model, "cpu")(request), runner(model, "cpu", 3)(request))


@pytest.mark.parametrize("path", [EVERYTHING, DONE], ids=lambda p: p.stem)
def test_a_gpu_follows_the_same_rules(path: Path) -> None:
    same_on_gpu(lpmdsl.load(path).model, 100, steps=8)


# ------------------------------------------------------------------ chains whose laws are known

POPULATION = f"""model population

{CLOCK}
agent Cell count {{n}}

condition Type of Cell
  states Resident, Mutant
  start Resident except {{first}} Cell in Mutant

rule replacement of Cell
  {{when}}
  pick one of Cell by weight ({{r}} where their.Type is Mutant, 1 otherwise)
    move Type to their.Type

observe mutants = count of Cell where Type is Mutant every {{steps}} days
"""


def mutants(n: int, first: int, r: float, steps: int, when: str, replicates: int) -> np.ndarray:
    """Numbers of mutants after so many steps, one for each replicate."""
    text = POPULATION.format(n=n, first=first, r=r, steps=steps, when=when)
    model = lpmdsl.load(text).model
    run = runner(model, "cpu")
    found = [run(request_of(model, n, 7, replicate=k)).observations["mutants"].ravel()[-1] for k in range(replicates)]
    return np.array(found).astype(int)


def after(chain: np.ndarray, first: int, steps: int) -> np.ndarray:
    return np.linalg.matrix_power(chain, steps)[first]


def fits(found: np.ndarray, expected: np.ndarray) -> bool:
    """Return True if counts agree with chances: χ² over neighbouring values joined until five are expected."""
    counts, chances = np.bincount(found, minlength=len(expected)), expected * len(found)
    cells: list[list[float]] = [[0.0, 0.0]]
    for seen, due in zip(counts, chances, strict=True):
        cells[-1][0] += seen
        cells[-1][1] += due
        if cells[-1][1] >= 5:
            cells.append([0.0, 0.0])
    last = cells.pop()
    cells[-1] = [cells[-1][0] + last[0], cells[-1][1] + last[1]]
    statistic = sum((seen - due) ** 2 / due for seen, due in cells)
    return bool(statistic < stats.chi2.ppf(0.999, len(cells) - 1))


@pytest.mark.parametrize("r", [1.1, 1.0, 0.9])
def test_a_moran_process_has_its_law(r: float) -> None:
    """Moran 1958: one dies at random, one is born in proportion to fitness; 10 cells, 40 steps, 2 mutants."""
    n, steps = 10, 40
    chain = np.zeros((n + 1, n + 1))
    for k in range(n + 1):
        born = r * k / (r * k + n - k)
        up, down = born * (n - k) / n, (1 - born) * k / n
        chain[k, k] = 1 - up - down
        if k < n:
            chain[k, k + 1] = up
        if k > 0:
            chain[k, k - 1] = down
    found = mutants(n, 2, r, steps, "every day for at most 1 Cell", 1_500)
    assert fits(found, after(chain, 2, steps))


def test_all_picking_at_once_is_wright_and_fisher() -> None:
    """Everybody takes the type of a parent drawn in proportion to fitness, as the parents were: 10 cells, 4 steps."""
    n, r, steps = 10, 1.3, 4
    k = np.arange(n + 1)
    chances = r * k / (r * k + n - k)
    chain = np.array([stats.binom.pmf(k, n, p) for p in chances])
    assert fits(mutants(n, 3, r, steps, "every day", 1_500), after(chain, 3, steps))


def test_distinct_people_are_picked_as_often_as_by_hand() -> None:
    """Of 500 people 300 picks meet 500 (1 - (1 - 1/500)^300) = 225.759 on average; 200 replicates, |z| < 3."""
    text = f"""model picks

{CLOCK.format(steps=1)}
agent Person count 500
  picked yes/no = no

rule picking of Person
  every day for at most 300 Person
  pick one of Person
    set their.picked to yes

observe distinct = count of Person where picked every day
"""
    model = lpmdsl.load(text).model
    run = runner(model, "cpu")
    found = np.array([run(request_of(model, 500, 3, replicate=k)).observations["distinct"][-1, 0] for k in range(200)])
    assert abs(found.mean() - 225.758996) < 3 * found.std(ddof=1) / np.sqrt(200)
    same_four_ways(model, 500)


# ------------------------------------------------------------------ networks with known ends


def tied(tmp_path: Path, people: str, ties: list[tuple[int, int]], rest: str, steps: int) -> lpmdsl.LoadedModel:
    """A model of people and ties from files."""
    (tmp_path / "people.csv").write_text(people)
    (tmp_path / "ties.csv").write_text("source,target\n" + "".join(f"{a},{b}\n" for a, b in ties))
    path = tmp_path / "tied.lpm"
    path.write_text(f"model tied\n\n{CLOCK.format(steps=steps)}\n{rest}\n")
    return lpmdsl.load(path)


DEGROOT = """agent Person from "people.csv"
  opinion number

network friends joins Person from "ties.csv"

rule listen of Person
  set opinion to (opinion + sum of their.opinion over friends) / (1 + count of friends)

observe lowest = min of opinion over Person every day
observe highest = max of opinion over Person every day
"""


def test_degroot_ends_at_the_mean_by_degrees(tmp_path: Path) -> None:
    """DeGroot 1974 on a path of four with itself: (0, 0, 0, 1) becomes Σ (kᵢ + 1) xᵢ / Σ (kᵢ + 1) = 0.2 for all."""
    people = "id,opinion\n" + "".join(f"{k},{x}\n" for k, x in enumerate((0, 0, 0, 1)))
    loaded = tied(tmp_path, people, [(0, 1), (1, 2), (2, 3)], DEGROOT, 400)
    result = same_four_ways(loaded.model, None)
    assert result.observations["lowest"].ravel()[-1] == pytest.approx(0.2, abs=1e-12)
    assert result.observations["highest"].ravel()[-1] == pytest.approx(0.2, abs=1e-12)


@pytest.mark.parametrize(("first", "end"), [(1, 100.0), (0, 1.0)])
def test_granovetters_crowd(tmp_path: Path, first: int, end: float) -> None:
    """Granovetter 1978: of thresholds 0, 1, …, 99 all join; with 0, 2, 2, 3, …, 99 nobody follows the first."""
    thresholds = [0, 1 if first else 2, *range(2, 100)]
    people = "id,threshold\n" + "".join(f"{k},{x}\n" for k, x in enumerate(thresholds))
    rest = """agent Person from "people.csv"
  threshold number
  joined yes/no = no

network crowd joins Person from "ties.csv"

rule join of Person
  where (count of crowd where their.joined) >= threshold
    set joined to yes

observe joined_people = count of Person where joined every day
"""
    ties = [(a, b) for a in range(100) for b in range(a)]
    result = same_four_ways(tied(tmp_path, people, ties, rest, 120).model, None)
    assert result.observations["joined_people"].ravel()[-1] == end


def test_voters_keep_the_mean_by_degrees(tmp_path: Path) -> None:
    """A voter takes the opinion of a random friend: Σ kᵢ xᵢ is a martingale; 2 000 replicates of 12 steps, |z| < 3."""
    ties = [(0, 1), (1, 2), (0, 2), (2, 3)]
    degrees = np.array([2, 2, 3, 1])
    rest = """agent Person from "people.csv"
  opinion number
  k number

network friends joins Person from "ties.csv"

rule vote of Person
  pick one of friends
    set opinion to their.opinion

observe weighed = sum of k * opinion over Person every 12 days
"""
    people = "id,opinion,k\n" + "".join(f"{i},{x},{degrees[i]}\n" for i, x in enumerate((0, 0, 1, 0)))
    model = tied(tmp_path, people, ties, rest, 12).model
    run = runner(model, "cpu")
    ends = np.array([run(request_of(model, None, 5, replicate=k)).observations["weighed"][-1, 0] for k in range(2_000)])
    assert set(np.unique(ends)) <= set(range(9)) and len(set(ends)) > 2
    assert abs(ends.mean() - 3.0) < 3 * ends.std(ddof=1) / np.sqrt(len(ends))
    same_four_ways(model, None)


# ------------------------------------------------------------------ what the parts mean

PEOPLE = f"""model parts

{CLOCK}
agent Person count 1_000
  x number ~ uniform(0, 1)
  n number = 0
  praise number = 0
  group category ~ categorical(a 50 %, b 50 %)

network friends joins Person as small_world(degree 4, rewiring 0 %)

{{rules}}

observe sum_x = sum of x over Person every day
observe sum_n = sum of n over Person every day
observe sum_praise = sum of praise over Person every day
"""


def parts(rules: str, steps: int = 4) -> dict[str, np.ndarray]:
    """What is observed of a thousand people under some rules, the same four ways."""
    result = same_four_ways(lpmdsl.load(PEOPLE.format(rules=rules, steps=steps)).model, 1_000)
    return {name: values.ravel() for name, values in result.observations.items()}


def test_otherwise_is_for_those_for_whom_nothing_of_the_chain_acted() -> None:
    rules = """rule chain of Person
  where x < 0.2
    add 1 to n
  otherwise where x < 0.5
    add 1 to n
  otherwise
    add 1 to n
  where x < 2
    add 10 to n"""
    assert parts(rules)["sum_n"][1] == 11_000


def test_and_is_for_those_alone_for_whom_the_paragraph_before_acted() -> None:
    rules = """rule chain of Person
  with probability 30 %
    add 1 to n
  and
    add 1 to praise""".replace("  and\n", "  and always\n")
    found = parts(rules)
    assert np.array_equal(found["sum_n"], found["sum_praise"]) and 250 < found["sum_n"][1] < 350


def test_own_reads_are_as_made_so_far_and_others_as_they_were() -> None:
    """Everybody doubles, and then adds a friend's number: 2x + x, not 2x + 2x; on a ring the sum is tripled."""
    rules = """rule both of Person
  every 4 days
  set x to 2 * x
  set x to x + mean of their.x over friends"""
    found = parts(rules)["sum_x"]
    assert found[1] == pytest.approx(3 * found[0], rel=1e-12) and found[3] == found[1]


def test_what_is_given_to_others_arrives_whole() -> None:
    rules = """rule give of Person
  pick one of friends
    add 0.5 to their.praise
  each of friends
    add 0.25 to their.praise
    add 0.25 to n"""
    found = parts(rules)
    assert list(found["sum_praise"][:3]) == [0.0, 1_500.0, 3_000.0]
    assert list(found["sum_n"][:3]) == [0.0, 1_000.0, 2_000.0]


def test_rules_are_due_when_they_say() -> None:
    rules = """rule late of Person
  every 2 days after 1 day
  add 1 to n

rule few of Person
  every day for at most 10 Person where x > 0.5
  add 1 to praise"""
    found = parts(rules, 5)
    assert list(found["sum_n"]) == [0, 0, 1_000, 1_000, 2_000, 2_000]
    assert list(found["sum_praise"]) == [0, 10, 20, 30, 40, 50]


def test_a_rule_on_a_date_is_followed_once_and_one_with_a_test_while_it_holds() -> None:
    rules = """rule once of Person
  on 2024-01-03 for at most 7 Person where (count of friends) > 3
  add 1 to n

rule while_low of Person
  when (sum of praise over Person) < 2_500
  add 1 to praise"""
    text = PEOPLE.format(rules=rules, steps=5).replace("  for 5 days", "  from 2024-01-01 for 5 days")
    result = same_four_ways(lpmdsl.load(text).model, 1_000)
    assert list(result.observations["sum_n"].ravel()) == [0, 0, 0, 7, 7, 7]
    assert list(result.observations["sum_praise"].ravel()) == [0, 1_000, 2_000, 3_000, 3_000, 3_000]


def test_a_rule_at_a_rate_is_followed_by_the_share_that_the_rate_gives() -> None:
    """1 - exp(-0.5 * 2) of a thousand people, over forty steps of two days; |z| < 3."""
    rules = "rule now_and_then of Person\n  at rate 0.5 per day\n  add 1 to n"
    text = PEOPLE.format(rules=rules, steps=80).replace("step 1 day", "step 2 days")
    text = text.replace("every day", "every 80 days")
    found = same_four_ways(lpmdsl.load(text).model, 1_000).observations["sum_n"].ravel()[-1]
    share = 1 - np.exp(-1.0)
    assert abs(found - 40_000 * share) < 3 * np.sqrt(40_000 * share * (1 - share))


LAWS = {
    "uniform(2, 5)": stats.uniform(2, 3),
    "triangular(1, 2, 5)": stats.triang(0.25, 1, 4),
    "normal(mean 3, sd 2)": stats.norm(3, 2),
    "lognormal(mean 3, sd 2)": stats.lognorm(np.sqrt(np.log(1 + 4 / 9)), scale=3 / np.sqrt(1 + 4 / 9)),
    "lognormal(median 3, spread 1.5)": stats.lognorm(np.log(1.5), scale=3),
    "exponential(mean 4)": stats.expon(scale=4),
    "exponential(rate 0.5)": stats.expon(scale=2),
    "weibull(k 1.5, scale 3)": stats.weibull_min(1.5, scale=3),
}


@pytest.mark.parametrize("law", LAWS)
def test_what_a_rule_draws_has_its_law(law: str) -> None:
    """Shares below the quartiles, and the mean, of 20 000 draws; |z| < 3.5 of four that are looked at."""
    cuts = {k: LAWS[law].ppf(k / 4) for k in (1, 2, 3)}
    shares = "".join(f"observe q{k} = share of Person where x < {cut:.12g} every day\n" for k, cut in cuts.items())
    text = PEOPLE.format(rules=f"rule draw of Person\n  set x ~ {law}", steps=1).replace("1_000", "20_000") + shares
    found = same_four_ways(lpmdsl.load(text).model, 20_000).observations
    for k in cuts:
        z = (found[f"q{k}"].ravel()[-1] - k / 4) / np.sqrt(k / 4 * (1 - k / 4) / 20_000)
        assert abs(z) < 3.5, (k, z)
    assert abs(found["sum_x"].ravel()[-1] / 20_000 - LAWS[law].mean()) < 3.5 * LAWS[law].std() / np.sqrt(20_000)


def test_labels_and_truths_are_drawn_by_their_shares() -> None:
    rules = """rule draw of Person
  set group ~ categorical(a 20 %, b 80 %)
  where group is a
    set n ~ fixed(3)
  always
    set chosen ~ bernoulli(30 %)"""
    text = PEOPLE.format(rules=rules, steps=1).replace("  praise number", "  chosen yes/no = no\n  praise number")
    text = text.replace("1_000", "20_000") + "observe chosen_share = share of Person where chosen every day\n"
    found = same_four_ways(lpmdsl.load(text).model, 20_000).observations
    for share, right in ((found["sum_n"].ravel()[-1] / 60_000, 0.2), (found["chosen_share"].ravel()[-1], 0.3)):
        assert abs(share - right) < 3 * np.sqrt(right * (1 - right) / 20_000)


def test_paragraphs_of_a_block_are_those_of_a_rule() -> None:
    """The same paragraphs in a block of an intervention from the start: other luck, the same sums."""
    block = """intervention act
  every day for at most 100 Person
    where x < 2
      add 1 to n
    and always
      add 2 to n
    otherwise
      add 100 to n"""
    assert list(parts(block, 3)["sum_n"]) == [0, 300, 600, 900]


def test_the_nearest_is_picked_and_ties_go_by_lot() -> None:
    rules = """rule follow of Person
  every 4 days
  pick one of friends with highest their.x
    set n to their.x
  pick one of friends with lowest (1 where their.group is a, 2 otherwise)
    add 1 to their.praise"""
    found = parts(rules)
    assert found["sum_praise"][1] == 1_000 and found["sum_n"][1] > 1.4 * found["sum_x"][0]


def test_a_scenario_can_do_without_a_rule() -> None:
    rules = "rule grow of Person\n  add 1 to n\n\nscenario still\n  without grow"
    loaded = lpmdsl.load(PEOPLE.format(rules=rules, steps=3))
    grown, still = loaded.run(), loaded.run(scenario="still")
    total = [r.table.columns["value"][r.table.columns["observation"] == "sum_n"][-1] for r in (grown, still)]
    assert total == [3_000, 0]


# ------------------------------------------------------------------ gradients and analysis


def test_a_rule_has_a_certified_gradient_by_differences() -> None:
    rules = "parameter step_size = 0.5\n\nrule grow of Person\n  where x > 0.3\n    add step_size to n"
    loaded = lpmdsl.load(PEOPLE.format(rules=rules, steps=3))
    (found,) = loaded.gradient("final of sum_n", ["step_size"], replicates=4)
    assert found.estimator == "differences" and found.certificate.holds
    assert found.gradient == pytest.approx(found.mean / 0.5, rel=1e-6)


def test_the_relaxation_refuses_a_rule_and_names_it() -> None:
    loaded = lpmdsl.load(EVERYTHING)
    with pytest.raises(LpmError) as raised:
        loaded.gradient("total of infections", [], replicates=4, estimator="relaxation")
    assert any(d.code == "E0846" and "listen" in d.message for d in raised.value.report.diagnostics)


BROKEN = [
    ("set x to their.x", "E1101", 1, 12),
    ("set their.x to 1", "E1101", 1, 7),
    ("move Flu to their.Flu", "E0201", 1, 8),
    ("pick one of friends\n  set their.x to x", "E1001", 2, 5),
    ("each of friends\n  set x to their.x", "E1003", 2, 5),
    ("each of Person\n  add 1 to x", "E1004", 1, 11),
    ("pick one of other friends\n  add 1 to x", "E1004", 1, 3),
    ("pick one of foes\n  add 1 to x", "E0201", 1, 15),
    ("pick one of friends\n  set their.y to 1", "E0201", 2, 9),
    ("where x\n  add 1 to n", "E0306", 1, 9),
    ("where x > 0.5", "E1008", 1, 3),
    ("otherwise\n  add 1 to x", "E1009", 1, 3),
    ("and always\n  add 1 to x", "E1009", 1, 3),
    ("add 1 to group", "E0709", 1, 12),
    ("with probability 2\n  add 1 to x", "E0313", 1, 20),
    ("every day for at most 10 Cat\nadd 1 to x", "E1002", 1, 28),
    ("every day for at most -1 Person\nadd 1 to x", "E0316", 1, 25),
    ("every 1 day on weekdays\nadd 1 to x", "E0610", 0, 1),
    ("leave friends", "E0709", 1, 3),
    ("scale friends by 2", "E0709", 1, 3),
    ("pick one of friends by weight -1\n  add 1 to x", "E0316", 1, 33),
    ("pick one of friends with highest their.group\n  add 1 to x", "E0306", 1, 36),
    ("set x ~ gamma(mean 1, sd 1)", "E1006", 1, 11),
    ("pick one of friends\n  set their.x ~ uniform(0, 1)", "E1001", 2, 5),
    ("each of friends\n  set x ~ uniform(0, 1)", "E1003", 2, 5),
    ("die", "E0103", 1, 3),
    ("create 1 Person", "E0103", 1, 3),
    ("pick a friend", "E0101", 1, 8),
    ("every 0.3 days\nadd 1 to x", "E0705", 1, 9),
]


@pytest.mark.parametrize(("lines", "code", "line", "column"), BROKEN, ids=[c[0].replace("\n", " / ") for c in BROKEN])
def test_what_a_rule_cannot_say_is_told_with_its_place(lines: str, code: str, line: int, column: int) -> None:
    rule = "rule wrong of Person\n" + "\n".join(f"  {text}" for text in lines.split("\n"))
    extra = "\n\nagent Cat count 10\n" if "Cat" in lines else ""
    text = PEOPLE.format(rules=rule + extra, steps=3)
    first = text[: text.index("rule wrong")].count("\n") + 1
    with pytest.raises(LpmError) as raised:
        lpmdsl.load(text)
    found = [(d.code, d.span.line - first, d.span.column) for d in raised.value.report.diagnostics]
    assert (code, line, column) in found, found

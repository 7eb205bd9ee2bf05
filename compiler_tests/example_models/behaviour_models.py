"""Models with behaviours for the tests, and the people who answer in place of a language model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lpmdsl.backends.request import Archetype, Ask
from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Report, render_text
from lpmdsl.quantities import Kind
from lpmdsl.semantics.analysis.archetypes import bounds_of, labels_of
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source

# Every kind of decision, on ties, so that the CPU keeps lists and sums and must be notified of each decision.
FRIENDS = """\
model friends version 1.0

clock
  step 0.5 days
  for 28 days

parameter rate = 0.06 per day
parameter caution = 0.7
parameter thick = 2

agent Person count 2_000
  age duration ~ uniform(0 years, 90 years)
  age_group category = band of age at 20 years, 60 years named young, middle, old
  income money per week ~ lognormal(median 900 USD per week, spread 1.8)
  region category ~ categorical(north 60 %, south 40 %)
  careful yes/no = no
  contacts_kept share = 100 %
  mode category one of bus, car, feet = bus
  masked yes/no = no

network friends joins Person as erdos_renyi(degree 6)

condition Flu of Person
  states S, I, R, D
  start S except 40 Person in I
  from S by contagion to I
  from I after gamma(mean 5 days, sd 3 days)
    to D with probability 10 %
    to R otherwise
  removed in D

contagion of Flu
  from I on friends at rate
  source scaled by 0.3 where careful
  source, target scaled by contacts_kept
  target scaled by 0.5 where mode is feet
  source scaled by 0.8 where masked

observe cases = number entering I per week by region
observe trend = cases / mean of cases over 2 weeks
observe careful_now = count of Person where careful by age_group
observe on_foot = share of Person where mode is feet by region every day
observe kept = mean of contacts_kept over Person every day
observe masks = count of Person where masked

behaviour caring of Person
  decides yes/no into careful
  every week
  knows age_group, region
  knows income in bands at 600 USD per week, 1_200 USD per week
  knows cases in bands at 5, 20
  asks 10 times per archetype
    "You are {age_group} in the {region} and earn {income}; {cases} cases. So far you decided {decisions}. Careful?"
  remembers the last 2 decisions
  shifted by caution
  otherwise 10 %

behaviour keeping of Person
  decides share into contacts_kept
  every 2 weeks
  knows careful, region
  knows trend in bands at 80 %, 120 %
  asks 7 times per archetype
    "Careful: {careful}. In the {region} cases are {trend} of the mean. How many of your contacts do you keep?"
  shifted by -0.5
  otherwise 90 %

behaviour moving of Person
  decides category into mode
  when cases, careful changes
  knows careful, region, mode
  knows cases in bands at 5, 20
  asks for probabilities
    "You go by {mode} in the {region}; careful: {careful}; cases: {cases}. How do you go from now on?"
  otherwise car

behaviour masking of Person
  decides yes/no into masked by rule inverse_logit(-1 + caution * (contacts_kept - 0.5) - 1 * log(1 + share_ill))
  every 3 days
  knows contacts_kept, share_ill
  shifted by caution / 10

observe share_ill = share of Person where Flu is I
"""

ONE = """\
model one version 1.0

clock
  step 1 day
  for DAYS days

parameter shift = 0

agent Person count 20_000
  careful yes/no ~ bernoulli(1 %)
  kept share = 100 %
  mode category ~ categorical(bus 50 %, car 30 %, feet 20 %)

network town joins Person at random

condition Flu of Person
  states S, I
  start S except 1 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days) to S

contagion of Flu
  from I on town at 0.0001 per day
  source scaled by 0.5 where careful
  source scaled by kept
  source scaled by 0.5 where mode is feet

observe said_yes = count of Person where careful
observe mean_kept = mean of kept over Person
observe on_foot = count of Person where mode is feet
observe in_cars = count of Person where mode is car

BEHAVIOUR
"""


def checked(text: str) -> Model:
    """The model of a text; what is wrong with it fails the test."""
    report = Report()
    found = check_source(Source("behaviour.lpm", text), report)
    assert found is not None, "\n".join(render_text(d) for d in report.diagnostics)
    return found[0]


def problems(text: str) -> list[str]:
    """The codes of what is reported of a text, in order, notes left out."""
    report = Report()
    check_source(Source("behaviour.lpm", text), report)
    return [d.code for d in report.sorted() if d.severity != "note"]


def answering(model: Model, calls: list[tuple[str, int, tuple[Archetype, ...]]] | None = None) -> Ask:
    """Somebody whose answers depend on the archetype and nothing else."""

    def ask(name: str, step: int, who: tuple[Archetype, ...]) -> NDArray[np.float64]:
        if calls is not None:
            calls.append((name, step, who))
        behaviour = model.behaviour(name)
        codes = np.array([a.code for a in who], np.float64)[:, None]
        labels = len(labels_of(behaviour))
        if not labels:
            replies = (codes * 13 + np.arange(behaviour.asks) * 7) % 101 / 100
            low, high = bounds_of(behaviour)
            between = low + replies * (high - low)
            return np.round(between) if behaviour.decides.kind is Kind.NUMBER else between
        weights = 1 + (codes * 7 + np.arange(labels) * 5) % 11
        if behaviour.among:
            weights[:, [label not in behaviour.among for label in labels_of(behaviour)]] = 0
        return weights / weights.sum(axis=1, keepdims=True)

    return ask


def always(chances: Callable[[tuple[Archetype, ...]], list[list[float]]]) -> Ask:
    """Somebody who answers by the words of the archetypes."""
    return lambda name, step, who: np.array(chances(who), np.float64)

"""Names of buffers: one function a kind of buffer, so that what declares one and what reads it cannot disagree.

A name is only made here and never taken apart: what fills a buffer stands in its field ``filled`` (``ir/filled.py``).
"""

from __future__ import annotations

# ------------------------------------------------------------------ agents, places, conditions


def attribute(kind: str, name: str) -> str:
    """An attribute of everybody of a kind, or the number of the place of everybody."""
    return f"{kind}_{name}"


def member_rows(kind: str, place: str) -> str:
    """Beginnings among ``members`` of the rows of places."""
    return f"{kind}_{place}_rows"


def members(kind: str, place: str) -> str:
    """The members of the places, place after place."""
    return f"{kind}_{place}_members"


def entered(condition: str) -> str:
    """Tick of the last move of everybody in a condition; of a rule on entering, 1 of those who entered in this step."""
    return f"{condition}_entered"


def due(condition: str) -> str:
    """Tick at which the planned exit of everybody happens."""
    return f"{condition}_due"


def planned(condition: str) -> str:
    """Number of the exit that is planned for everybody."""
    return f"{condition}_plan"


def leads_to(condition: str) -> str:
    """State to which the planned exit of everybody leads."""
    return f"{condition}_next"


def episode(condition: str) -> str:
    """Number of moves that everybody has made in a condition."""
    return f"{condition}_episode"


# ------------------------------------------------------------------ networks and contagions


def offsets(rows: str) -> str:
    """Beginnings among ``targets`` of the rows of ties."""
    return f"{rows}_offsets"


def targets(rows: str) -> str:
    """The ends of ties, row after row."""
    return f"{rows}_targets"


def tie_column(network: str, column: str) -> str:
    """A column of the file of a network, one element a tie."""
    return f"{network}_tie_{column}"


def circles(network: str) -> str:
    """Keys of the circles of a network that is worked out from them."""
    return f"{network}_circles"


def degree(network: str) -> str:
    """Number of ties of everybody in circles."""
    return f"{network}_degree"


def open_days(network: str) -> str:
    """1 in the steps on which a network is there."""
    return f"{network}_runs"


def present(network: str) -> str:
    """Number of those present, of each place, neighbourhood or mixing group."""
    return f"{network}_present"


def here(network: str) -> str:
    """1 + mixing group of those who are present, 0 of the others."""
    return f"{network}_here"


def sees(network: str) -> str:
    """1 of those who take part in a network whose neighbours are counted."""
    return f"{network}_sees"


def hazard(weights: str) -> str:
    """Exposure of one of each mixing group."""
    return f"{weights}_hazard"


def force(weights: str) -> str:
    """The force on each mixing group as the step ends."""
    return f"{weights}_force"


def never(left: str) -> str:
    """More contacts than anybody ever has left to wait for."""
    return f"{left}_never"


# ------------------------------------------------------------------ interventions, rules, behaviours


def left_out(name: str) -> str:
    """1 where a scenario goes without an intervention or a rule."""
    return f"{name}_disabled"


def phase(intervention: str) -> str:
    """Phase of an intervention: 2 where it is active."""
    return f"{intervention}_phase"


def times_run(name: str) -> str:
    """Number of times that a rule or a block has run."""
    return f"{name}_runs"


def rule_is_due(rule: str) -> str:
    """1 where the test of a rule holds."""
    return f"{rule}_due"


def rule_days(rule: str) -> str:
    """1 in the steps on whose days a rule is followed."""
    return f"{rule}_days"


def rests(behaviour: str) -> str:
    """1 where a scenario goes without a behaviour."""
    return f"{behaviour}_rests"


def answers(behaviour: str) -> str:
    """The answers of each archetype, filled between steps by who asks."""
    return f"{behaviour}_table"


def occurs(behaviour: str) -> str:
    """1 of the archetypes that somebody is of, read between steps by who asks."""
    return f"{behaviour}_occurs"


def archetype(behaviour: str) -> str:
    """The archetype of everybody."""
    return f"{behaviour}_archetype"


def saw(behaviour: str) -> str:
    """The sight that everybody had at the last decision."""
    return f"{behaviour}_saw"


def decisions_made(behaviour: str) -> str:
    """Number of decisions of everybody."""
    return f"{behaviour}_made"


def memory(behaviour: str) -> str:
    """The last decisions of everybody, the latest first."""
    return f"{behaviour}_memory"


# ------------------------------------------------------------------ sums, lists, reports, tables


def tally(of: str) -> str:
    """Partial sums, one a chunk, of what is added up into a buffer."""
    return f"{of}_tally"


def size(items: str) -> str:
    """Number of agents on a list."""
    return f"{items}_size"


def changed(kind: str) -> str:
    """Those whose weight or presence may have changed."""
    return f"{kind}_changed"


def noted(items: str) -> str:
    """1 of those who are on a list."""
    return f"{items}_noted"


def told(counter: str) -> str:
    """Amount that everybody has added to a sum that is kept."""
    return f"{counter}_told"


def observed(observation: str) -> str:
    """The reports of an observation, (reports, groups)."""
    return f"observed_{observation}"


def watched(check: int) -> str:
    """The value of a promise at every boundary."""
    return f"watch_{check}"


def table_values(table: str) -> str:
    """The values of a table."""
    return f"table_{table}"


# ------------------------------------------------------------------ the relaxed and the scored program


def chance(kind: str, name: str) -> str:
    """Chance of yes of an attribute that changes."""
    return f"{kind}_{name}_chance"


def start_chances(condition: str) -> str:
    """Chance with which everybody starts in each state."""
    return f"{condition}_start"


def adjoint(of: str) -> str:
    """Derivatives by the elements of a buffer."""
    return f"d_{of}"


def scored(kind: str) -> str:
    """Sums of the scores of draws, (boundaries, columns)."""
    return f"scored_{kind}"


# ------------------------------------------------------------------ sizes


def chunks(kind: str) -> str:
    """Number of chunks of the agents of a kind."""
    return f"chunks_{kind}"


def places(kind: str, place: str) -> str:
    """Number of places of a kind of agent."""
    return f"{kind}_{place}_places"


def ties(rows: str) -> str:
    """Number of entries of rows of ties."""
    return f"{rows}_ties"

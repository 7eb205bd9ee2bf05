"""The words of the language: which start a declaration, which are reserved, and what each clause looks like."""

from __future__ import annotations

from lpmdsl.syntax.tree import AT_A_MOMENT, LASTING


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


# Words with which a declaration starts. Reserved, so that no clause, attribute or table row starts with one.
HEADERS = ("model", "library")
DECLARATIONS = (
    "use",
    "clock",
    "parameter",
    "table",
    "agent",
    "extend",
    "network",
    "condition",
    "contagion",
    "observe",
    "intervention",
    "rule",
    "behaviour",
    "calibrate",
    "scenario",
    "compare",
    "check",
)

# Declarations that are designed and not yet built: the message for the reader.
LATER = {
    "stock": "Environment quantities (`stock`) are not there yet",
    "space": "Grids and planes (`space`) are not there yet",
    "births": "Births (`births`) are not there yet",
    "ageing": "Ageing (`ageing`) is not there yet",
    "refine": "Inserting states into an imported condition (`refine`) is not there yet",
    "learn": "Learned policies (`learn`) are not there yet",
}
STARTERS = frozenset((*HEADERS, *DECLARATIONS, *LATER))

# Parts of declarations that are not there yet: a pattern of words, and the sentence.
LATER_PARTS = (
    (r"network\s+\w+\s+joins\b[\w\s]*\bwithin\s+[\d(]", "Networks of everybody `within` a distance are not there yet"),
    (r"condition\s+\w+\s+of\s+cell\b", "Conditions of the cells of a space (`of cell of`) are not there yet"),
    (r"(observe|check)\b.*\bof\s+cell\s+of\b", "Observing the cells of a space (`of cell of`) is not there yet"),
)
LATER_LINES = {
    "die": "Deaths of agents by an action (`die`) are not there yet",
    "create": "New agents by an action (`create`) are not there yet",
    "take here": "Taking what is on the cell where one stands (`take here`) is not there yet",
    "their": "Deaths of the other agent (`their.die`) are not there yet",
    "move to": "Walking on a space (`move to …`) is not there yet",
    "on": "Placing agents `on` a space is not there yet",
}

# Actions of other systems that are written with several lines here, and what stands in their place.
ELSEWHERE_LINES: dict[str, str] = dict.fromkeys(
    ("quarantine", "trace", "isolate"),
    "Write `every 1 day for KIND where TEST`, below it `each of NETWORK` and `set their.ATTRIBUTE to yes` "
    "(docs/cookbook.md)",
)

# Words with a fixed place in a line; a name that equals one of them would be ambiguous there.
RESERVED = STARTERS | words(
    "and or not is in where with by to from at of on over else per every for their yes no as except "
    "after when between thinned delayed otherwise without while until"
)

# Reserved words with which a value can begin.
VALUE_WORDS = frozenset({"not", "their", "yes", "no"})

# First words of the openers of paragraphs -> how they read.
OPENERS = {
    "where": "where TEST with probability P",
    "with": "with probability P",
    "pick": "pick one of NETWORK where TEST by weight W",
    "take": "take one of NETWORK where TEST choosing highest X first highest Y",
    "each": "each of NETWORK in the last PERIOD where TEST",
    "always": "always",
    "and": "and where TEST",
    "otherwise": "otherwise",
}

# Declaration -> first word of each of its clauses -> how that line reads.
CLAUSES: dict[str, dict[str, str]] = {
    "clock": {
        "step": "step DURATION",
        "from": "from DATE for DURATION` or `from DATE to DATE",
        "for": "for DURATION",
        "until": "until nobody is in STATE, STATE of CONDITION",
    },
    "parameter": {
        "prior": "prior DISTRIBUTION",
        "between": "between LOW and HIGH",
        "source": 'source "where it is from"',
    },
    "table": {"at": "at 4 days VALUE", "source": 'source "where it is from"'},
    "agent": {},
    "extend": {},
    "condition": {
        "states": "states A, B, C",
        "start": "start STATE except 20 KIND in STATE",
        "except": "except 20 KIND where TEST in STATE",
        "from": "from STATE after DISTRIBUTION to STATE",
        "to": "to STATE with probability P",
        "while": "while STATE",
        "on": "on entering STATE",
        "removed": "removed in STATE",
        "seen": "seen in STATE, STATE",
        "at": "at most one of CONDITION, CONDITION",
        **OPENERS,
        **AT_A_MOMENT,
        "leave": LASTING["leave"],
    },
    "contagion": {
        "from": "from STATE on NETWORK at RATE",
        "source": "source scaled by FACTOR where TEST on NETWORK",
        "target": "target scaled by FACTOR where TEST on NETWORK",
        "remembers": "remembers the source as NAME",
    },
    "intervention": {
        "starts": "starts on DATE`, `starts after DURATION` or `starts when OBSERVATION rises above LEVEL",
        "stops": "stops on DATE`, `stops after DURATION` or `stops when OBSERVATION falls below LEVEL",
        "lasts": "lasts DURATION",
        "at": "at most NUMBER KIND together every PERIOD",
        "together": "together with INTERVENTION",
        "every": "every PERIOD for at most NUMBER KIND where TEST",
        "on": "on DATE for at most NUMBER KIND where TEST",
        "while": "while active for KIND where TEST",
        "costs": "costs AMOUNT",
        **OPENERS,
        **AT_A_MOMENT,
        **LASTING,
    },
    "rule": {
        "every": "every PERIOD for at most NUMBER KIND where TEST",
        "on": "on DATE for at most NUMBER KIND where TEST",
        "at": "at rate RATE for KIND where TEST",
        "when": "when TEST for at most NUMBER KIND where TEST",
        **OPENERS,
        **AT_A_MOMENT,
    },
    "behaviour": {
        "decides": "decides yes/no into ATTRIBUTE` or `decides whole number from LOW to HIGH into ATTRIBUTE",
        "every": "every PERIOD",
        "when": "when SLOT changes",
        "after": "after BEHAVIOUR",
        "knows": "knows SLOT in bands at VALUE, VALUE` or `knows NAME = EXPRESSION in bands at VALUE, VALUE",
        "asks": "asks NUMBER times per archetype`, `asks for probabilities` or "
        "`asks NUMBER representatives by response",
        "system": 'system "text"',
        "remembers": "remembers the last NUMBER decisions",
        "shifted": "shifted by PARAMETER",
        "blends": "blends with rule EXPRESSION by weight PARAMETER",
        "otherwise": "otherwise VALUE",
        "at": "at most SHARE fallbacks",
        "validate": 'validate against "survey.csv" column NAME by ATTRIBUTE within SHARE',
    },
    "calibrate": {
        "fit": 'fit OBSERVATION to "file.csv" column NAME with DISTRIBUTION',
        "estimate": "estimate PARAMETER, PARAMETER by METHOD",
        "hold": "hold out the last DURATION",
    },
    "scenario": {
        "without": "without INTERVENTION` or `without BEHAVIOUR",
        "with": "with SCENARIO` or `with BEHAVIOUR",
        "change": LASTING["change"],
    },
    "compare": {"repeat": "repeat NUMBER times", "report": "report total of OBSERVATION, peak of OBSERVATION"},
    "model": {},
    "library": {},
    "use": {},
    "network": {},
    "observe": {},
    "check": {},
}

# How the first line of each declaration reads.
FIRST_LINES = {
    "model": "model NAME version 1.0",
    "library": "library NAME version 1.0",
    "use": 'use "path" only KIND NAME as NAME with PARAMETER = VALUE',
    "clock": "clock",
    "parameter": "parameter NAME = VALUE`, `parameter NAME = VALUE until DATE, VALUE after` or "
    "`parameter NAME every PERIOD by ATTRIBUTE = VALUE ~ random_walk(spread 1.1)",
    "table": "table NAME by CATEGORY of TYPE` or `table NAME over duration of TYPE",
    "agent": "agent NAME count NUMBER",
    "extend": "extend NAME",
    "network": "network NAME joins KIND sharing PLACE with NUMBER contacts per day on weekdays except DATE to DATE",
    "condition": "condition NAME of KIND",
    "contagion": "contagion of CONDITION",
    "observe": "observe NAME = number entering STATE per week",
    "intervention": "intervention NAME` or `intervention NAME of PLACE",
    "rule": "rule NAME of KIND",
    "behaviour": "behaviour NAME of KIND",
    "calibrate": "calibrate",
    "scenario": "scenario NAME",
    "compare": "compare SCENARIO with baseline",
    "check": "check always TEST` or `check R0 of CONDITION between LOW and HIGH",
}
ATTRIBUTE_LINE = "NAME TYPE = VALUE` or `NAME TYPE ~ DISTRIBUTION"
ROW_LINE = "CATEGORY VALUE"

TYPES = (
    "yes/no",
    "category",
    "number",
    "share",
    "probability",
    "duration",
    "date",
    "place",
    "money",
)
CLAUSE_WORDS = frozenset(word for clauses in CLAUSES.values() for word in clauses)

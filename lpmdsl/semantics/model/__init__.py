"""The Model IR: what the text means. Every name is resolved, every expression typed, every unit in base units.

``check`` makes it, ``analyse`` reads it, ``lower`` turns it into a Program, the torch reference runs it as it is.
Durations are in days, rates per day.
"""

from lpmdsl.semantics.model.actions import (
    Action as Action,
    ForceMove as ForceMove,
    SetAttribute as SetAttribute,
)
from lpmdsl.semantics.model.agents import (
    Agent as Agent,
    Attribute as Attribute,
    Place as Place,
)
from lpmdsl.semantics.model.behaviours import (
    Answer as Answer,
    Behaviour as Behaviour,
    Blend as Blend,
    Known as Known,
    Representatives as Representatives,
    Validate as Validate,
)
from lpmdsl.semantics.model.conditions import (
    After as After,
    AtRate as AtRate,
    Branch as Branch,
    ByContagion as ByContagion,
    Chance as Chance,
    Condition as Condition,
    Exit as Exit,
    OnEntering as OnEntering,
    Start as Start,
    StartExcept as StartExcept,
    When as When,
    WhileInState as WhileInState,
)
from lpmdsl.semantics.model.contagion import (
    Contagion as Contagion,
    Scaling as Scaling,
    Spread as Spread,
)
from lpmdsl.semantics.model.expressions import (
    Aggregate as Aggregate,
    Apply as Apply,
    AttributeRef as AttributeRef,
    Expr as Expr,
    Follows as Follows,
    GroupReport as GroupReport,
    InState as InState,
    IsActive as IsActive,
    Literal_ as Literal_,
    Luck as Luck,
    NeighbourFunction as NeighbourFunction,
    Neighbours as Neighbours,
    ObservationRef as ObservationRef,
    ParameterRef as ParameterRef,
    Population as Population,
    Rolling as Rolling,
    Since as Since,
    StateOf as StateOf,
    TableRef as TableRef,
    Theirs as Theirs,
    TieRef as TieRef,
    Time as Time,
    children as children,
    is_constant as is_constant,
    mapped as mapped,
    reads_agent as reads_agent,
    walk as walk,
)
from lpmdsl.semantics.model.interventions import (
    Crossing as Crossing,
    Elapsed as Elapsed,
    Intervention as Intervention,
    OnDate as OnDate,
    ParameterChange as ParameterChange,
    Repeated as Repeated,
    Rescale as Rescale,
    Together as Together,
    WhileActive as WhileActive,
)
from lpmdsl.semantics.model.model import (
    Model as Model,
    every_expression as every_expression,
    every_rule as every_rule,
    is_fixed as is_fixed,
    may_be_removed as may_be_removed,
    overlays as overlays,
    view_of as view_of,
    whole_expressions as whole_expressions,
)
from lpmdsl.semantics.model.networks import (
    Generator as Generator,
    Network as Network,
)
from lpmdsl.semantics.model.observations import (
    Derived as Derived,
    Flow as Flow,
    Level as Level,
    Observation as Observation,
    Spending as Spending,
    group_labels as group_labels,
)
from lpmdsl.semantics.model.paragraphs import (
    CopyState as CopyState,
    Meeting as Meeting,
    Paragraph as Paragraph,
    RuleAction as RuleAction,
)
from lpmdsl.semantics.model.rules import (
    Rule as Rule,
    as_rule as as_rule,
    entering_rules as entering_rules,
    rules_in as rules_in,
)
from lpmdsl.semantics.model.studies import (
    Calibrate as Calibrate,
    CheckAlways as CheckAlways,
    CheckQuantity as CheckQuantity,
    Compare as Compare,
    Fit as Fit,
    Scenario as Scenario,
    Summary as Summary,
)
from lpmdsl.semantics.model.values import (
    Clock as Clock,
    Curve as Curve,
    Distribution as Distribution,
    Net as Net,
    Parameter as Parameter,
    Table as Table,
    family_in as family_in,
)

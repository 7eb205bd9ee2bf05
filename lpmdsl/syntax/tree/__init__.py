"""The syntax tree: what the text says, before any name is looked up.

Frozen and slotted; every node keeps its span. The formatter prints it back, the checker turns it into
a ``semantics.model.Model``.
"""

from lpmdsl.syntax.tree.actions import (
    AT_A_MOMENT as AT_A_MOMENT,
    LASTING as LASTING,
    Action as Action,
    Change as Change,
    DrawTo as DrawTo,
    Leave as Leave,
    MoveTo as MoveTo,
    Scale as Scale,
    SetTo as SetTo,
)
from lpmdsl.syntax.tree.agents import (
    Agent as Agent,
    Attribute as Attribute,
    Band as Band,
    Place as Place,
)
from lpmdsl.syntax.tree.behaviours import (
    Asks as Asks,
    Behaviour as Behaviour,
    Blends as Blends,
    Decides as Decides,
    Knows as Knows,
    Representatives as Representatives,
    Text as Text,
    Validate as Validate,
)
from lpmdsl.syntax.tree.conditions import (
    After as After,
    AtRate as AtRate,
    Branch as Branch,
    ByContagion as ByContagion,
    Chance as Chance,
    Condition as Condition,
    Except as Except,
    Exit as Exit,
    OnEntering as OnEntering,
    Start as Start,
    When as When,
    While as While,
)
from lpmdsl.syntax.tree.contagion import (
    Contagion as Contagion,
    Scaled as Scaled,
    Spread as Spread,
)
from lpmdsl.syntax.tree.expressions import (
    LINKED as LINKED,
    Aggregate as Aggregate,
    Argument as Argument,
    Binary as Binary,
    Call as Call,
    Choice as Choice,
    Date as Date,
    Distribution as Distribution,
    Expr as Expr,
    Generator as Generator,
    GeneratorArgument as GeneratorArgument,
    Is as Is,
    Lookup as Lookup,
    Name as Name,
    OfTie as OfTie,
    Quantity as Quantity,
    Since as Since,
    Stepwise as Stepwise,
    Theirs as Theirs,
    TypeName as TypeName,
    Unary as Unary,
    Unit as Unit,
    YesNo as YesNo,
)
from lpmdsl.syntax.tree.interventions import (
    Crossing as Crossing,
    Elapsed as Elapsed,
    Intervention as Intervention,
    Moment as Moment,
    OnDay as OnDay,
    Repeated as Repeated,
    Together as Together,
    WhileActive as WhileActive,
)
from lpmdsl.syntax.tree.module import (
    Comment as Comment,
    Declaration as Declaration,
    Header as Header,
    Module as Module,
    Use as Use,
    UseItem as UseItem,
)
from lpmdsl.syntax.tree.networks import (
    AtRandom as AtRandom,
    BackOf as BackOf,
    FromFile as FromFile,
    Generated as Generated,
    Network as Network,
    Sharing as Sharing,
    SourceOf as SourceOf,
)
from lpmdsl.syntax.tree.observations import (
    Flow as Flow,
    Observe as Observe,
    Spending as Spending,
)
from lpmdsl.syntax.tree.rules import (
    Meeting as Meeting,
    Paragraph as Paragraph,
    Rank as Rank,
    Rule as Rule,
    RuleTime as RuleTime,
)
from lpmdsl.syntax.tree.studies import (
    Calibrate as Calibrate,
    CheckAlways as CheckAlways,
    CheckQuantity as CheckQuantity,
    Compare as Compare,
    Fit as Fit,
    Scenario as Scenario,
    Summary as Summary,
)
from lpmdsl.syntax.tree.values import (
    Clock as Clock,
    Covariates as Covariates,
    Ending as Ending,
    Parameter as Parameter,
    Table as Table,
    TablePoint as TablePoint,
    TableRow as TableRow,
)

"""The Program IR: buffers, kernels over agents, and the schedule of one step.

Small and closed, so that a back end is a printer. A kernel's body is what one agent does; ``i`` is the agent.
Integers add by atomics or by tallies, which commute; so the order of agents never shows.
"""

from lpmdsl.program.ir.buffers import (
    LANES as LANES,
    NEVER as NEVER,
    SPENT_TOGETHER as SPENT_TOGETHER,
    Buffer as Buffer,
    DType as DType,
    Role as Role,
)
from lpmdsl.program.ir.draws import (
    Bernoulli as Bernoulli,
    Categorical as Categorical,
    Exposure as Exposure,
    Given as Given,
    Hazard as Hazard,
    Infection as Infection,
    Law as Law,
    Tries as Tries,
)
from lpmdsl.program.ir.expressions import (
    ARITHMETIC as ARITHMETIC,
    CASTS as CASTS,
    COMPARISONS as COMPARISONS,
    INTEGER as INTEGER,
    LOGIC as LOGIC,
    OPS as OPS,
    OWN_MATHS as OWN_MATHS,
    Apply as Apply,
    Beside as Beside,
    Const as Const,
    KExpr as KExpr,
    Load as Load,
    Quantile as Quantile,
    Threshold as Threshold,
    Var as Var,
)
from lpmdsl.program.ir.program import (
    Constant as Constant,
    Program as Program,
    QuantileTable as QuantileTable,
)
from lpmdsl.program.ir.schedule import (
    LONGEST_KERNEL as LONGEST_KERNEL,
    Ahead as Ahead,
    Clear as Clear,
    Collect as Collect,
    Decide as Decide,
    Fold as Fold,
    Gate as Gate,
    Gather as Gather,
    Kernel as Kernel,
    Launch as Launch,
    OrderStatistic as OrderStatistic,
    PlaceRead as PlaceRead,
    Rank as Rank,
    RowSum as RowSum,
    ScheduleItem as ScheduleItem,
    SelectSmallest as SelectSmallest,
    Spend as Spend,
    bounded as bounded,
)
from lpmdsl.program.ir.statements import (
    Append as Append,
    Assign as Assign,
    AtomicAdd as AtomicAdd,
    AtomicMax as AtomicMax,
    Claim as Claim,
    Draw as Draw,
    Enqueue as Enqueue,
    If as If,
    KStmt as KStmt,
    Let as Let,
    Loop as Loop,
    Mark as Mark,
    Prefetch as Prefetch,
    Sample as Sample,
    Store as Store,
    Tally as Tally,
    While as While,
    calendar_buffers as calendar_buffers,
    words_of as words_of,
)
from lpmdsl.program.ir.walking import (
    blocks as blocks,
    buffers_of as buffers_of,
    expressions as expressions,
    launched as launched,
    parts as parts,
    statements as statements,
    walk as walk,
    whole as whole,
)

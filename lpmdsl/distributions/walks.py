"""Steps from one value to the next: what stands after ``~`` of a family of parameters in time."""

from __future__ import annotations

from lpmdsl.distributions.family import Family, uses

RANDOM_WALK = Family(
    "random_walk",
    ((("sd", "positive value"),), (("spread", "above one"),)),
    "real",
    uses(""),
    "random_walk(spread 1.1)",
    None,
)
"""``sd``: normal about the value before; ``spread``: lognormal with the value before as its median."""

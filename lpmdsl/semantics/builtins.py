"""Names that models cannot take."""

from __future__ import annotations

import keyword

RESERVED = frozenset({"time", "population", "pi"})
"""Names that every model has; no declaration may take them."""
_TEXT = (
    "i t seed replicate chunk lo hi np nb tl triton thread threads team first last opens clock gates member row "
    "rows lane here end step begin constants quarter quarters note append_all decide_yes is_closed "
    "decide_yes_unheard decide_share u atomic_add add_shared add_along_rows sum_along_rows sum_reals_along_rows "
    "philox quantile threshold log exp sin cos smaller larger least greatest least_of greatest_of order_statistic "
    "floor_divide floor_modulo some abs min max range word count piece append put_in take_out enqueue collect "
    "prefetch piece_of lowest_bit add_among spend clear fold_add fold_lanes fold_min fold_max select_smallest barrier "
    "circular clear_kernel fold_lanes_kernel fold_extreme_kernel count_digits_kernel pick_digit_kernel int float len "
    "print neighbour run_ended rank_of ranked rank_by room_for fetch_add fetch_max subtract other_than_zero "
    "exchange combine_or combine_and float_bits bits_float give_way "
    "CHUNK LANES TALLY_ROWS GATES GATE CELLS GROUPS BLOCK"
)
GENERATED = frozenset({*_TEXT.split(), *keyword.kwlist})
"""Names that generated code has for itself: agents and conditions, which stand there under their own names, cannot take
them, and a parameter of that name gets another one there."""

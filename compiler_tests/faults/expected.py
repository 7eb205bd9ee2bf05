"""The fault of each model of this folder: kind -> line -> what an ideal message would say.

Every ``NAME.lpm`` is legal and has one logical fault; ``NAME_sound.lpm`` differs from it in that alone. The line is
that of the construct that can never do what it says, or does what nobody can mean; the words are names, numbers and
phrases that tell a reader what is wrong and where it comes from.
"""

from __future__ import annotations

FAULTS: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "trigger_share_above_one": ("trigger-never-fires", 31, ("closure", "120 %", "ill", "share", "100 %", "never")),
    "trigger_above_population": (
        "trigger-never-fires",
        31,
        ("campaign", "150_000 per 100_000 per week", "incidence", "100_000", "never"),
    ),
    "band_against_age": ("never-true", 33, ("age_group is child", "age >= 65 years", "18 years", "never", "nobody")),
    "age_nobody_has": ("never-true", 30, ("age > 100 years", "90 years", "nobody", "never")),
    "isolating_never_set": ("attribute-never-set", 34, ("isolating", "nothing sets", "always no", "never")),
    "school_without_pupils": (
        "empty-network",
        15,
        ("classes", "school", "age_group is child", "age >= 18 years", "nobody"),
    ),
    "hospital_always_later": (
        "state-unreachable",
        20,
        ("H", "uniform(5 days, 9 days)", "fixed(4 days)", "earlier", "never"),
    ),
    "treated_after_treatment": ("state-never-left", 20, ("I", "treated", "never left", "infectious", "T")),
    "branches_exceed_one": ("branches-above-one", 24, ("1.04", "p = 0.33", "branches", "add up")),
    "branches_exceed_one_by_prior": ("branches-above-one", 23, ("1.3", "extra_risk", "prior", "70 %")),
    "waning_below_zero": ("negative-hazard", 23, ("waning", "swing", "negative", "below 0")),
    "thinned_beyond_all": ("probability-above-one", 26, ("60 % * carefulness", "1.2", "prior", "carefulness")),
    "scenario_saturated": ("scenario-without-effect", 33, ("more_supply", "supply", "min(100 %", "changes nothing")),
    "scenario_change_of_removed": ("scenario-without-effect", 42, ("level", "closure", "without", "nothing reads")),
    "switch_levels_swapped": ("stops-at-once", 32, ("stops", "800", "200", "below", "above")),
    "delay_outlasts_clock": ("intervention-never-active", 30, ("vaccine", "20 weeks", "18 weeks", "end", "never")),
    "report_after_the_end": ("trigger-never-fires", 31, ("8 weeks", "6 weeks", "report", "complete", "tracing")),
    "nobody_returns": ("always-zero", 27, ("susceptible_again", "S", "nobody enters", "0")),
    "r0_out_of_range": ("r0-out-of-range", 29, ("R0", "1.5", "2", "3", "beta")),
    "no_doses": ("nobody-chosen", 31, ("campaign", "doses_per_day", "0", "nobody")),
    "everybody_immune": ("everybody-immune", 25, ("max(0, 0.3 - earlier_immunity)", "0", "nobody", "infected")),
    "estimate_unseen": ("estimate-unseen", 34, ("reporting", "infections", "cannot", "fit")),
    "nobody_seeded": ("nobody-seeded", 19, ("0.01 %", "2_000", "0.2", "nobody")),
    "illness_outlasts_clock": ("beyond-the-clock", 19, ("L", "2 years", "365 days", "end", "never")),
    "all_vaccinated": ("nobody-chosen", 32, ("campaign", "not vaccinated", "vaccinated", "yes", "nobody")),
    "infectious_stay_away": ("source-never-present", 26, ("ward", "I", "leave", "nobody", "spread")),
    "weekend_never_comes": ("network-never-runs", 15, ("parties", "weekends", "2024-10-07", "5 days", "never")),
    "never_lifted": ("trigger-never-fires", 32, ("stops", "below 0", "incidence", "never")),
    "move_to_where_they_are": ("action-without-effect", 31, ("treatment", "move", "R", "already", "nothing")),
    "check_broken_at_start": ("check-broken-at-start", 27, ("check always", "25", "2_975", "start", "broken")),
    "reports_too_late": ("always-zero", 30, ("reported_deaths", "120 days", "90 days", "0", "delayed")),
}

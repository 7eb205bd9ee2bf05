"""Textbook results for the models in this folder: mean-field equations and R0, derived by hand.

``MODELS`` has one function for each ``NAME.lpm``. It returns the equations in numbers of people (not shares), with the
parameters under the names of the file and ``N`` the number of people. A state of the file that several compartments
stand for (age groups, stages of a gamma dwell time) has a compartment for each, named as its function says.

Nothing here reads the compiler. ``new`` are the terms of an equation that are new infections; with them F and V of the
next-generation matrix follow (van den Driessche & Watmough 2002, Math Biosci 180:29-48; Diekmann, Heesterbeek & Roberts
2010, J R Soc Interface 7:873-885), and ``radius`` works out R0 a second time, apart from the formula in ``r0``.

Books: Keeling & Rohani 2008, Modeling Infectious Diseases in Humans and Animals (Princeton); Brauer, Castillo-Chavez &
Feng 2019, Mathematical Models in Epidemiology (Springer).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import sympy as sp

Equations = dict[str, sp.Expr]


@dataclass(frozen=True, slots=True)
class Expected:
    """One model.

    ``equations``: compartment -> its time derivative. ``new``: infected compartment -> the new infections in it (0 is
    left out). ``infected``: the compartments of F and V. ``free``: compartment -> its number when nobody is infected.
    ``r0``: the basic reproduction number, per generation of infection. ``values``: the parameters of the file in days,
    contacts and people, and what else the equations read. ``others``: other numbers that go by a like name, which an
    answer must not take for R0 without saying so.
    """

    equations: Equations
    new: Equations
    infected: tuple[str, ...]
    free: Equations
    r0: sp.Expr
    values: Mapping[str, float]
    others: Mapping[str, sp.Expr] = field(default_factory=dict)


def symbols(names: str) -> tuple[sp.Symbol, ...]:
    """Positive symbols, one for each word."""
    return tuple(sp.Symbol(name, positive=True) for name in names.split())


def matrices(model: Expected) -> tuple[sp.Matrix, sp.Matrix]:
    """F and V: new infections, and all other changes with the sign turned, linear in the infected."""
    own = [sp.Symbol(name, positive=True) for name in model.infected]
    free = {sp.Symbol(name, positive=True): value for name, value in model.free.items()}
    new = sp.Matrix([model.new.get(name, sp.Integer(0)) for name in model.infected])
    rest = sp.Matrix([model.equations[name] for name in model.infected]) - new
    return new.jacobian(own).subs(free), -rest.jacobian(own).subs(free)


def radius(model: Expected, values: Mapping[str, float]) -> float:
    """The spectral radius of F V⁻¹ at numbers for all that is written in it."""
    f, v = matrices(model)
    at = {sp.Symbol(name, positive=True): value for name, value in values.items()}
    product = np.array(f.subs(at).tolist(), dtype=float) @ np.linalg.inv(np.array(v.subs(at).tolist(), dtype=float))
    return float(max(abs(np.linalg.eigvals(product))))


# ------------------------------------------------------------------ one population


def sir() -> Expected:
    """Keeling & Rohani 2008, section 2.1.1 (SIR without demography): R0 = β/γ."""
    S, I, N, beta, gamma = symbols("S I N beta gamma")  # noqa: E741
    infection = beta * S * I / N
    return Expected(
        {"S": -infection, "I": infection - gamma * I, "R": gamma * I},
        {"I": infection},
        ("I",),
        {"S": N, "I": sp.Integer(0), "R": sp.Integer(0)},
        beta / gamma,
        {"beta": 0.5, "gamma": 0.2},
    )


def sis() -> Expected:
    """Keeling & Rohani 2008, section 2.3 (infections without immunity): R0 = β/γ, and a share 1 − 1/R0 stays ill."""
    S, I, N, beta, gamma = symbols("S I N beta gamma")  # noqa: E741
    infection = beta * S * I / N
    return Expected(
        {"S": gamma * I - infection, "I": infection - gamma * I},
        {"I": infection},
        ("I",),
        {"S": N, "I": sp.Integer(0)},
        beta / gamma,
        {"beta": 0.4, "gamma": 0.2},
    )


def sirs_waning() -> Expected:
    """Keeling & Rohani 2008, section 2.4 (waning immunity), without births: waning does not enter R0."""
    S, I, R, N, beta, period, waning = symbols("S I R N beta infectious_period waning")  # noqa: E741
    infection = beta * S * I / N
    return Expected(
        {"S": waning * R - infection, "I": infection - I / period, "R": I / period - waning * R},
        {"I": infection},
        ("I",),
        {"S": N, "I": sp.Integer(0), "R": sp.Integer(0)},
        beta * period,
        {"beta": 0.5, "infectious_period": 5, "waning": 0.02},
    )


def seir() -> Expected:
    """Keeling & Rohani 2008, section 2.5 (a latent period), without births, β = transmissibility × contacts per day."""
    S, E, I, N, per_contact, meetings = symbols("S E I N transmissibility meetings")  # noqa: E741
    latent, period = symbols("latent_period infectious_period")
    infection = per_contact * meetings * S * I / N
    return Expected(
        {"S": -infection, "E": infection - E / latent, "I": E / latent - I / period, "R": I / period},
        {"E": infection},
        ("E", "I"),
        {"S": N, "E": sp.Integer(0), "I": sp.Integer(0), "R": sp.Integer(0)},
        per_contact * meetings * period,
        {"transmissibility": 0.03, "meetings": 10, "latent_period": 3, "infectious_period": 5},
    )


def seirs() -> Expected:
    """Keeling & Rohani 2008, sections 2.4 and 2.5 together, without births."""
    S, E, I, R, N = symbols("S E I R N")  # noqa: E741
    beta, sigma, gamma, omega = symbols("beta sigma gamma omega")
    infection = beta * S * I / N
    return Expected(
        {
            "S": omega * R - infection,
            "E": infection - sigma * E,
            "I": sigma * E - gamma * I,
            "R": gamma * I - omega * R,
        },
        {"E": infection},
        ("E", "I"),
        {"S": N, "E": sp.Integer(0), "I": sp.Integer(0), "R": sp.Integer(0)},
        beta / gamma,
        {"beta": 0.6, "sigma": 0.5, "gamma": 0.2, "omega": 0.02},
    )


def seir_asymptomatic() -> Expected:
    """Brauer, Castillo-Chavez & Feng 2019, chapter 4 (epidemic models with asymptomatic infectives).

    R0 is what one infected person gives on either way, weighted: β (p · relative · T_A + (1 − p) · T_I).
    """
    S, E, A, I, N, beta, p = symbols("S E A I N beta p")  # noqa: E741
    relative, latent = symbols("relative_infectiousness latent_period")
    period_a, period_i = symbols("asymptomatic_period symptomatic_period")
    infection = beta * S * (I + relative * A) / N
    return Expected(
        {
            "S": -infection,
            "E": infection - E / latent,
            "A": p * E / latent - A / period_a,
            "I": (1 - p) * E / latent - I / period_i,
            "R": A / period_a + I / period_i,
        },
        {"E": infection},
        ("E", "A", "I"),
        {"S": N, "E": sp.Integer(0), "A": sp.Integer(0), "I": sp.Integer(0), "R": sp.Integer(0)},
        beta * (p * relative * period_a + (1 - p) * period_i),
        {
            "beta": 0.5,
            "p": 0.4,
            "relative_infectiousness": 0.5,
            "latent_period": 2,
            "asymptomatic_period": 6,
            "symptomatic_period": 5,
        },
        {"all with symptoms": beta * period_i},
    )


def seir_isolation() -> Expected:
    """Keeling & Rohani 2008, section 8.2 (isolation): leaving I at γ + isolation, R0 = β/(γ + isolation).

    The isolated stay in the number that contacts are drawn from, so the denominator is N.
    """
    N = sp.Symbol("N", positive=True)
    return _isolation(N)


def seir_isolation_absent() -> Expected:
    """Like ``seir_isolation``, but the isolated ``leave town``: contacts are drawn from the others, denominator N − Q.

    R0 is the same, since Q = 0 where nobody is infected; the equations are not.
    """
    N, Q = symbols("N Q")
    return _isolation(N - Q)


def _isolation(present: sp.Expr) -> Expected:
    S, E, I, Q, N = symbols("S E I Q N")  # noqa: E741
    beta, sigma, gamma, isolation, release = symbols("beta sigma gamma isolation release")
    infection = beta * S * I / present
    return Expected(
        {
            "S": -infection,
            "E": infection - sigma * E,
            "I": sigma * E - (gamma + isolation) * I,
            "Q": isolation * I - release * Q,
            "R": gamma * I + release * Q,
        },
        {"E": infection},
        ("E", "I", "Q"),
        {"S": N, "E": sp.Integer(0), "I": sp.Integer(0), "Q": sp.Integer(0), "R": sp.Integer(0)},
        beta / (gamma + isolation),
        {"beta": 0.6, "sigma": 0.4, "gamma": 0.15, "isolation": 0.1, "release": 0.1},
        {"without isolation": beta / gamma},
    )


def seir_gamma() -> Expected:
    """Keeling & Rohani 2008, section 3.3 (multi-compartment models); van den Driessche & Watmough 2002, section 4.3.

    Compartments E1, E2 and I1 to I4: ``erlang`` of shape 2, and ``gamma`` with sd = mean/2, whose shape is (mean/sd)² =
    4. A stage is left at shape/mean. R0 sees the mean time alone.
    """
    S, N, beta, latent, period = symbols("S N beta latent_period infectious_period")
    E = symbols("E1 E2")
    I = symbols("I1 I2 I3 I4")  # noqa: E741
    on_e, on_i = 2 / latent, 4 / period
    infection = beta * S * sum(I) / N
    equations: Equations = {"S": -infection, "E1": infection - on_e * E[0], "E2": on_e * (E[0] - E[1])}
    equations |= {"I1": on_e * E[1] - on_i * I[0]}
    equations |= {f"I{k + 1}": on_i * (I[k - 1] - I[k]) for k in (1, 2, 3)}
    equations |= {"R": on_i * I[3]}
    infected = ("E1", "E2", "I1", "I2", "I3", "I4")
    return Expected(
        equations,
        {"E1": infection},
        infected,
        {"S": N, "R": sp.Integer(0)} | {name: sp.Integer(0) for name in infected},
        beta * period,
        {"beta": 0.4, "latent_period": 4, "infectious_period": 6},
    )


# ------------------------------------------------------------------ births and deaths


def sir_births() -> Expected:
    """Keeling & Rohani 2008, section 2.1.2 (SIR with demography), births balancing deaths: R0 = β/(γ + μ).

    Births are μN, of which μS replace susceptibles who die: together μ(I + R) come to S.
    """
    S, I, R, N, beta, gamma, mu = symbols("S I R N beta gamma mu")  # noqa: E741
    infection = beta * S * I / N
    return Expected(
        {
            "S": mu * (I + R) - infection,
            "I": infection - (gamma + mu) * I,
            "R": gamma * I - mu * R,
        },
        {"I": infection},
        ("I",),
        {"S": N, "I": sp.Integer(0), "R": sp.Integer(0)},
        beta / (gamma + mu),
        {"beta": 0.5, "gamma": 0.2, "mu": 0.01},
        {"without deaths": beta / gamma},
    )


def sir_mortality() -> Expected:
    """Keeling & Rohani 2008, section 2.2 (infection-induced mortality, frequency-dependent transmission), no births.

    The dead are ``removed``: contacts are drawn from the living, N − D = S + I + R. Death comes at the end of the time
    infectious, so it does not shorten it and is not in R0.
    """
    S, I, D, N = symbols("S I D N")  # noqa: E741
    beta, period, fatality = symbols("beta infectious_period fatality")
    infection = beta * S * I / (N - D)
    return Expected(
        {
            "S": -infection,
            "I": infection - I / period,
            "R": (1 - fatality) * I / period,
            "D": fatality * I / period,
        },
        {"I": infection},
        ("I",),
        {"S": N, "I": sp.Integer(0), "R": sp.Integer(0), "D": sp.Integer(0)},
        beta * period,
        {"beta": 0.5, "infectious_period": 5, "fatality": 0.2},
    )


# ------------------------------------------------------------------ groups


def sir_two_ages() -> Expected:
    """Keeling & Rohani 2008, sections 3.1 and 3.2; van den Driessche & Watmough 2002, section 4.2 (multigroup model).

    Compartments S_child, …, R_adult; ``contacts_child_adult`` is the row child, column adult: contacts per day of one
    child with adults. The hazard on a child is transmissibility · Σ_b contacts_child_b · I_b/N_b. The next-generation
    matrix is K_ab = transmissibility · contacts_ab · N_a/N_b/γ; its characteristic polynomial does not have N_a/N_b.
    """
    groups = ("child", "adult")
    per_contact, gamma = symbols("transmissibility gamma")
    S = dict(zip(groups, symbols("S_child S_adult"), strict=True))
    I = dict(zip(groups, symbols("I_child I_adult"), strict=True))  # noqa: E741
    N = dict(zip(groups, symbols("N_child N_adult"), strict=True))
    meet = {(a, b): sp.Symbol(f"contacts_{a}_{b}", positive=True) for a in groups for b in groups}
    new = {a: per_contact * S[a] * sum(meet[a, b] * I[b] / N[b] for b in groups) for a in groups}
    equations: Equations = {f"S_{a}": -new[a] for a in groups}
    equations |= {f"I_{a}": new[a] - gamma * I[a] for a in groups}
    equations |= {f"R_{a}": gamma * I[a] for a in groups}
    cc, ca, ac, aa = (meet[a, b] for a in groups for b in groups)
    return Expected(
        equations,
        {f"I_{a}": new[a] for a in groups},
        ("I_child", "I_adult"),
        {f"{state}_{a}": N[a] if state == "S" else sp.Integer(0) for state in "SIR" for a in groups},
        per_contact / gamma * (cc + aa + sp.sqrt((cc - aa) ** 2 + 4 * ca * ac)) / 2,
        {
            "transmissibility": 0.05,
            "gamma": 0.25,
            "children": 0.25,
            "contacts_child_child": 8,
            "contacts_child_adult": 3,
            "contacts_adult_child": 1,
            "contacts_adult_adult": 4,
        },
        {"mean contacts of a person": per_contact / gamma * ((cc + ca) * N["child"] + (ac + aa) * N["adult"])
         / (N["child"] + N["adult"])},
    )  # fmt: skip


def sir_leaky_vaccine() -> Expected:
    """Keeling & Rohani 2008, section 8.1, on imperfect vaccines: everybody vaccinated has 1 − efficacy of the hazard.

    Compartments S_yes and S_no by ``vaccinated``, and so for I and R; the number starting vaccinated is coverage · N.
    R0 at this coverage is β/γ (1 − coverage · efficacy), since the vaccinated who fall ill infect as others do.
    """
    N, beta, gamma, coverage, efficacy = symbols("N beta gamma coverage efficacy")
    S = dict(zip(("yes", "no"), symbols("S_yes S_no"), strict=True))
    I = dict(zip(("yes", "no"), symbols("I_yes I_no"), strict=True))  # noqa: E741
    factor = {"yes": 1 - efficacy, "no": sp.Integer(1)}
    new = {v: factor[v] * beta * S[v] * (I["yes"] + I["no"]) / N for v in factor}
    equations: Equations = {f"S_{v}": -new[v] for v in factor}
    equations |= {f"I_{v}": new[v] - gamma * I[v] for v in factor}
    equations |= {f"R_{v}": gamma * I[v] for v in factor}
    free: Equations = {f"{state}_{v}": sp.Integer(0) for state in "IR" for v in factor}
    return Expected(
        equations,
        {f"I_{v}": new[v] for v in factor},
        ("I_yes", "I_no"),
        free | {"S_yes": coverage * N, "S_no": (1 - coverage) * N},
        beta / gamma * (1 - coverage * efficacy),
        {"beta": 0.6, "gamma": 0.2, "coverage": 0.5, "efficacy": 0.7},
        {"nobody vaccinated": beta / gamma},
    )


def ross_macdonald() -> Expected:
    """Keeling & Rohani 2008, section 4.2.2 (vectored transmission); van den Driessche & Watmough 2002, section 4.5.

    Compartments S, I of ``Malaria`` (N_Human people) and Clear, Carrier of ``Carriage`` (N_Mosquito mosquitoes). A bite
    is a contact that a mosquito makes with a person drawn at random, so people get biting · N_Mosquito / N_Human each.
    Per generation R0 is the square root of Ross's number, which counts from person to person.
    """
    S, I, clear, carrier = symbols("S I Clear Carrier")  # noqa: E741
    humans, mosquitoes, biting, b, c = symbols("N_Human N_Mosquito biting b c")
    recovery, death = symbols("recovery mosquito_death")
    new_people = biting * b * S * carrier / humans
    new_mosquitoes = biting * c * clear * I / humans
    ross = biting**2 * b * c * mosquitoes / (humans * recovery * death)
    return Expected(
        {
            "S": recovery * I - new_people,
            "I": new_people - recovery * I,
            "Clear": death * carrier - new_mosquitoes,
            "Carrier": new_mosquitoes - death * carrier,
        },
        {"I": new_people, "Carrier": new_mosquitoes},
        ("I", "Carrier"),
        {"S": humans, "I": sp.Integer(0), "Clear": mosquitoes, "Carrier": sp.Integer(0)},
        sp.sqrt(ross),
        {
            "biting": 0.3,
            "b": 0.5,
            "c": 0.4,
            "recovery": 0.02,
            "mosquito_death": 0.1,
            "N_Human": 2_000,
            "N_Mosquito": 8_000,
        },
        {"Ross's number, person to person": ross},
    )


# ------------------------------------------------------------------ ties


def sir_config_network() -> Expected:
    """Keeling & Rohani 2008, section 7.6 (networks); Miller, Slim & Volz 2012, J R Soc Interface 9:890-906.

    ``theta`` is the chance that a tie has not yet brought infection, ψ(x) = 0.7 x³ + 0.3 x¹⁰ is of the degrees, and
    S = N ψ(θ). R0 = β/(β + γ) · ψ''(1)/ψ'(1): whoever was infected has many ties rather than few, and one of them is
    used up. F and V are written for ``infected_ties``, the ties from an infectious to a susceptible person: near the
    start dX/dt = β κ X − (β + γ) X with κ = ψ''(1)/ψ'(1).
    """
    I, N, theta, beta, gamma, ties = symbols("I N theta beta gamma infected_ties")  # noqa: E741
    psi = sp.Rational(7, 10) * theta**3 + sp.Rational(3, 10) * theta**10
    slope = psi.diff(theta)
    mean, excess = slope.subs(theta, 1), slope.diff(theta).subs(theta, 1) / slope.subs(theta, 1)
    change = -beta * theta + beta * slope / mean + gamma * (1 - theta)
    return Expected(
        {
            "theta": change,
            "S": N * slope * change,
            "I": -N * slope * change - gamma * I,
            "R": gamma * I,
            "infected_ties": beta * excess * ties - (beta + gamma) * ties,
        },
        {"infected_ties": beta * excess * ties},
        ("infected_ties",),
        {"theta": sp.Integer(1), "S": N, "I": sp.Integer(0), "R": sp.Integer(0)},
        beta / (beta + gamma) * excess,
        {"beta": 0.1, "gamma": 0.2},
        {"everybody mixed, mean degree": beta / gamma * mean},
    )


def sir_households() -> Expected:
    """Ball, Mollison & Scalia-Tomba 1997, Ann Appl Probab 7:46-89; House & Keeling 2008, Math Biosci 213:29-39.

    Compartments are numbers of households of two by the states of their members: H_SS, H_SI, H_II, H_SR, H_IR, H_RR.
    F and V are of people: who was infected in town (``town``) makes R_town cases in town and p at home; who was
    infected at home (``home``) makes R_town in town. R0 is the root of R0² = R_town (R0 + p), p = β_home/(β_home + γ)
    (Pellis, Ball & Trapman 2012, Math Biosci 235:85-97). The household reproduction number R* = R_town (1 + p) has the
    same threshold at 1 and another size.
    """
    N, home, town, gamma = symbols("N beta_home beta_town gamma")
    ss, si, ii, sr, ir, in_town, at_home = symbols("H_SS H_SI H_II H_SR H_IR town home")
    force = town * (si + 2 * ii + ir) / N
    p = home / (home + gamma)
    return Expected(
        {
            "H_SS": -2 * force * ss,
            "H_SI": 2 * force * ss - (home + force + gamma) * si,
            "H_II": (home + force) * si - 2 * gamma * ii,
            "H_SR": gamma * si - force * sr,
            "H_IR": 2 * gamma * ii + force * sr - gamma * ir,
            "H_RR": gamma * ir,
            "town": town * (in_town + at_home) - gamma * in_town,
            "home": gamma * p * in_town - gamma * at_home,
        },
        {"town": town * (in_town + at_home), "home": gamma * p * in_town},
        ("town", "home"),
        {"H_SS": N / 2} | {name: sp.Integer(0) for name in ("H_SI", "H_II", "H_SR", "H_IR", "H_RR")},
        (town / gamma + sp.sqrt((town / gamma) ** 2 + 4 * p * town / gamma)) / 2,
        {"beta_home": 0.3, "beta_town": 0.3, "gamma": 0.2},
        {"household R*": town / gamma * (1 + p), "everybody mixed": (town + home) / gamma},
    )


MODELS: dict[str, Callable[[], Expected]] = {
    f.__name__: f
    for f in (
        sir,
        sis,
        sirs_waning,
        seir,
        seirs,
        seir_asymptomatic,
        seir_isolation,
        seir_isolation_absent,
        seir_gamma,
        sir_births,
        sir_mortality,
        sir_two_ages,
        sir_leaky_vaccine,
        ross_macdonald,
        sir_config_network,
        sir_households,
    )
}

"""A small model in which everything that is drawn follows a parameter, in every way that a score must know of."""

from __future__ import annotations

EVERYTHING = """\
model everything version 1.0

clock
  step 1 day
  from 2024-01-01 for 20 days

table mixing by age, age of contacts per day
  young young 6
  young old 2
  old young 1
  old old 4

parameter at_home = 6 % per contact
parameter outside = 4 % per contact
parameter season = 0.3
parameter mask = 0.6
parameter by_age = 0.5
parameter shield = 0.4
parameter worry = 0.2
parameter leaving = 0.08 per day
parameter healing = 20 %
parameter ward = 30 %
parameter intensive = 20 %
parameter mean_latency = 2 days
parameter shape = 2
parameter scale = 4 days
parameter median = 3 days
parameter spread = 1.6
parameter stay = 5 days
parameter told = 60 %
parameter seen = 70 %
parameter lag = 2 days
parameter jab = 50 %
parameter cautious = 40 %
parameter shedding = 0.7

agent Person count 400
  age category ~ categorical(young 60 %, old 40 %)
  years number ~ uniform(0.2, 1.5)
  home place of size ~ poisson(4)
  masked yes/no ~ bernoulli(40 %)
  careful yes/no = no
  jabbed yes/no = no

network homes joins Person sharing home with 4 contacts per day
network town joins Person at random mixing by mixing
network friends joins Person as erdos_renyi(degree 4) with 3 contacts per day

condition Flu of Person
  states S, E, A, I, H, C, R
  start S except share 10 % in I
  from S by contagion to E
  from E after gamma(mean mean_latency, sd 1 day)
    to A with probability 30 %
    to I otherwise
  from A at rate leaving * years to R
  from I with probability healing * (0.5 + 0.5 * years) every day to R
  from I after weibull(k shape, scale scale)
    to H with probability ward * years * 0.5
    to C with probability intensive
    to R otherwise
  from H after lognormal(median median, spread spread) to R
  from C after exponential(mean stay) to R
  from R at rate 0.05 per day to S
  on entering I
    set careful to yes with probability cautious

contagion of Flu
  from I on homes at at_home
  from A on homes at at_home * shedding
  from I on town, friends at outside * (1 + season * sin(0.3 * time / 1 day))
  from H on town at 0.5 * outside
  source scaled by 1 - mask where masked
  source scaled by exp(worry * years)
  target scaled by exp(-by_age * years) on town
  target scaled by 1 - shield where careful or jabbed

observe cases = number entering I per day thinned by told delayed by exponential(mean lag)
observe infections = number entering E per day by age
observe ill = count of Person where Flu is I or Flu is H thinned by seen every day

intervention campaign
  starts on 2024-01-05
  every 3 days for at most 60 Person where not jabbed
    set jabbed to yes with probability jab * (0.4 + 0.6 * years)
"""

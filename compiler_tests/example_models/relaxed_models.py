"""Models for the relaxation: one of everything that it has, and chains whose answer is known."""

from __future__ import annotations

# Everything at once: every way out, circles of states, absences, effects, two conditions, forced moves, scalings that
# read states and what changes, places with and without a number of contacts, mixing, every kind of observation.
EVERYTHING = """\
model everything version 1.0

clock
  step 0.5 days
  from 2024-01-05 for 20 days

parameter beta = 0.05 per contact
  between 0 per contact and 1 per contact
parameter latent = 1.2 days
parameter spread = 1.7
parameter ill = 3 days
parameter shape = 1.6
parameter waning = 4 % per day
parameter noticed = 20 %
parameter care = 35 %
parameter effect = 70 %
parameter first = 3 %
parameter offered = 12 people
parameter reporting = 60 %
parameter lag = 1.5 days
parameter doubled = 2 * care

table risk by group of probability
  young 10 %
  old 40 %
table mixing by group, group of contacts per day
  young young 3
  young old 1
  old young 1.5
  old old 2

agent Person count 90
  age duration ~ uniform(0 years, 80 years)
  group category = band of age at 40 years named young, old
  household place of size 3
  club place of size 7 where age < 60 years
  careful yes/no = no
  vaccinated yes/no ~ bernoulli(30 %)

network homes joins Person sharing household with 4 contacts per day per tie
network clubs joins Person sharing club with 5 contacts per day on weekdays
network friends joins Person as erdos_renyi(degree 4) with 2 contacts per day
network town joins Person at random mixing by mixing

condition Flu of Person
  states S, E, A, I, H, R, D
  start S except share first in E except 2 Person in I
  from S by contagion to E
  from E after lognormal(median latent, spread spread)
    to A with probability care
    to I otherwise
  from A after fixed(2.75 days) to R
  from I after weibull(shape shape, scale ill)
    to H with probability risk[group]
    to R otherwise
  from I with probability noticed every day to H
  from H after gamma(mean 2 days, sd 1.5 days)
    to D with probability 20 %
    to R otherwise
  from R at rate waning to S
  while H
    leave friends, town
  while I
    set careful to yes
  removed in D

condition Mood of Person
  states Calm, Afraid, Tired
  start Calm except where group is old in Afraid
  from Calm at rate 0.2 per day to Afraid
  from Calm after exponential(mean 5 days) to Tired
  from Afraid after uniform(0.2 days, 0.6 days) to Tired
  from Tired when vaccinated to Calm

contagion of Flu
  from I, A on homes, clubs, friends, town at beta
  from H on homes at 0.5 * beta
  source scaled by 0.6 where careful on clubs, friends
  target scaled by 1 - effect where vaccinated
  target scaled by 0.8 where Mood is Afraid on town

observe infections = number entering E per day by group
observe cases = number entering I, H per 2 days thinned by reporting delayed by gamma(mean lag, sd 1 day)
observe afraid_cases = number entering I per day where Mood is Afraid by Flu
observe all_ill = count of Person where Flu is I or Flu is A by group every day
observe immune = share of Person where vaccinated or Flu is R every day
observe age_of_ill = mean of age over Person where Flu is I else 0 years every 2 days
observe recent = mean of infections over 3 days / population
observe doubtful = infections * doubled

intervention jabs
  starts 1 day after cases rises above 0.2 per day
  every day for at most offered Person where not vaccinated and Flu is S
    set vaccinated to yes with probability 90 %

intervention isolation
  starts on 2024-01-12
  stops on 2024-01-18
  every 2 days for Person where Flu is I and age > 30 years
    move Flu to H with probability care
  while active for Person where group is old
    leave clubs
"""

# Infected and infectious within a step, over and over: a second look, sources that are infected again, every way back
# to the susceptible, laws that are shorter than a step.
AGAIN = """\
model again version 1.0

clock
  step 1 day
  from 2024-01-04 for 25 days

parameter beta = 0.3 per contact
parameter mild = 40 %
parameter ill = 1.2 days
parameter healing = 0.9 per day
parameter waning = 30 % per day
parameter leaving = 10 %
parameter away = 0.6 days
parameter effect = 50 %

agent Person count 80
  group category ~ categorical(young 40 %, old 60 %)
  household place of size 4
  club place of size 9
  careful yes/no = no

table mixing by group, group of contacts per day
  young young 3
  young old 1
  old young 1.5
  old old 2

network homes joins Person sharing household with 1 contact per day
network clubs joins Person sharing club with 1 contacts per day per tie on weekdays
network friends joins Person as erdos_renyi(degree 4) with 1 contacts per day
network town joins Person at random mixing by mixing

condition Flu of Person
  states S, I, J, R, V
  start S except 5 % in I except 1 Person in J
  from S by contagion
    to I with probability mild
    to J otherwise
  from S after exponential(mean 30 days) to V
  from S with probability leaving every 2 days to V
  from I by contagion to J
  from I after gamma(mean ill, sd 1.1 days)
    to R with probability 80 %
    to V otherwise
  from J at rate healing to R
  from J after exponential(mean 2 days) to V
  from R at rate waning to S
  from R when careful to S
  from V after fixed(away) to S
  while J
    leave friends

condition Other of Person
  states S, E, I, R
  start S except 4 Person in E
  from S by contagion to E
  from E after fixed(1.25 days) to I
  from I after uniform(0.1 days, 0.5 days) to R
  from R with probability 50 % every day to S

contagion of Flu
  from I on homes, clubs, friends, town at beta
  from J on homes, town at 2 * beta
  source scaled by 0.6 where careful on homes
  target scaled by 1 - effect where careful

contagion of Other
  from I on homes, town at 4 * beta

observe infections = number entering I, J of Flu per day by group
observe others = number entering E of Other per day
observe back = number entering S of Flu per 2 days where careful
observe all_ill = count of Person where Flu is I or Flu is J every day
observe other_ill = count of Person where Other is I every day

intervention imports
  starts on 2024-01-10
  every 3 days for at most 5 Person where group is old
    move Flu to I with probability 50 %
    set careful to yes with probability effect
"""

# Two states: the relaxation is exact.
CHAIN = """\
model chain version 1.0

clock
  step 1 day
  for 10 days

parameter a = 10 %
parameter b = 30 %

agent Person count 1

condition Light of Person
  states Off, On
  start Off
  from Off with probability a every day to On
  from On with probability b every day to Off

observe lit = count of Person where Light is On every day
"""

# Nobody infects anybody: only dwell times, begun at time 0.
LEAVING = """\
model leaving version 1.0

clock
  step 1 day
  for 80 days

agent Person count 10

condition Exponential of Person
  states Waiting, Gone
  start Waiting
  from Waiting after exponential(mean 4 days) to Gone

condition Other of Person
  states Waiting, Gone
  start Waiting
  from Waiting after gamma(mean 6 days, sd 2.5 days) to Gone

observe waiting = count of Person where Exponential is Waiting every day
observe other = count of Person where Other is Waiting every day
"""

# What happens on entering is not relaxed.
REFUSED = """\
model refused version 1.0

clock
  step 1 day
  for 10 days

parameter beta = 0.4 per day

agent Person count 50
  known yes/no = no

network town joins Person at random

condition Flu of Person
  states S, I, R
  start S except 5 Person in I
  from S by contagion to I
  from I after exponential(mean 4 days) to R
  on entering I
    set known to yes

contagion of Flu
  from I on town at beta

observe known_cases = count of Person where known every day
"""

# Few, who meet at random: who is ill goes to hospital or not, and may die there.
BRANCHING = """\
model branching version 1.0

clock
  step 1 day
  for 40 days

parameter beta = 0.4 per day
parameter severe = 20 %

agent Person count 60

network town joins Person at random

condition Flu of Person
  states S, I, H, R, D
  start S except 6 Person in I
  from S by contagion to I
  from I after exponential(mean 4 days)
    to H with probability severe
    to R otherwise
  from H after exponential(mean 6 days)
    to D with probability 30 %
    to R otherwise

contagion of Flu
  from I on town at beta

observe deaths = number entering D per day
"""

"""The models of ``test_exact.py`` as an epidemiologist would write them; exact answers to them are known.

Each holds several conditions side by side, so that one compilation serves several tests.
"""

from __future__ import annotations

# Everyone in a room meets everyone there. Flu is left with a chance a day, Cold after a fixed time.
ROOMS = """\
model rooms version 1.0

clock
  step 1 day
  for 60 days

parameter per_tie = 0.1 per day
parameter recovery = 15 %
parameter illness = 1 day

agent Person count 30
  room place of size 30

network rooms joins Person sharing room

condition Flu of Person
  states S, I, R
  start S except 2 Person in I
  from S by contagion to I
  from I with probability recovery every day to R

condition Cold of Person
  states Well, Ill, Over
  start Well except 2 Person in Ill
  from Well by contagion to Ill
  from Ill after fixed(illness) to Over

contagion of Flu
  from I on rooms at per_tie
contagion of Cold
  from Ill on rooms at per_tie
"""

# A textbook SIR among N people who meet at random; STEP is put in before it is compiled.
TOWN = """\
model town version 1.0

clock
  step STEP days
  for 80 days

parameter beta = 0.8 per day
parameter illness = 2.5 days

agent Person count 100_000

network town joins Person at random

condition Flu of Person
  states S, I, R
  start S except 200 Person in I
  from S by contagion to I
  from I after exponential(mean illness) to R

contagion of Flu
  from I on town at beta

observe infectious = share of Person where Flu is I every STEP days
"""

# No contagion at all: chains, dwell times, exits that compete, reports that are thinned and late, and a trigger.
COURSES = """\
model courses version 1.0

clock
  step 1 day
  from 2024-01-01 for 84 days

table onset by wave of days
  first 3
  second 10
  third 17
  fourth 24
  fifth 31

agent Person count 20_000
  wave category ~ categorical(first 20 %, second 20 %, third 20 %, fourth 20 %, fifth 20 %)
  days_counted number = 0

condition Job of Person
  states A, B
  start A
  from A with probability 10 % every day to B
  from B with probability 30 % every day to A

condition Weibull of Person
  states Before, Ill, Well
  start Before
  from Before after uniform(0 days, 1 day) to Ill
  from Ill after weibull(k 2, scale 5 days) to Well

condition Gamma of Person
  states Fresh, Sick, Cured
  start Fresh
  from Fresh after uniform(0 days, 1 day) to Sick
  from Sick after gamma(mean 5 days, sd 2 days) to Cured

condition Race of Person
  states Start, Slow, Fast, Timed
  start Start
  from Start at rate 0.1 per day to Slow
  from Start at rate 0.3 per day to Fast
  from Start after fixed(2.5 days) to Timed

condition Wave of Person
  states Waiting, Case
  start Waiting
  from Waiting after fixed(onset[wave]) to Case

observe in_b = share of Person where Job is B every day
observe ill_weibull = share of Person where Weibull is Ill every day
observe ill_gamma = share of Person where Gamma is Sick every day
observe wells = number entering Cured per day
observe seen = number entering Cured per day thinned by 30 %
observe late = number entering Cured per day delayed by gamma(mean 3 days, sd 1 day)
observe cases = number entering Case per week
observe counted = mean of days_counted over Person every day

intervention alarm
  starts 2 days after cases rises above 50 per week
  stops when cases falls below 20 per week
  every day for Person
    set days_counted to days_counted + 1
"""

# One step from given infectious: each condition spreads on one kind of network, and whom it infects infects nobody.
# 2024-10-05 is a Saturday.
CONTACTS = """\
model contacts version 1.0

clock
  step 1 day
  from 2024-10-05 for 3 days

table mixing by age_group, age_group of contacts per day
  child child 6
  child adult 2
  adult child 1
  adult adult 4

agent Person count 20_000
  age_group category ~ categorical(child 30 %, adult 70 %)
  home place of size ~ poisson(3)

network even joins Person sharing home with 4 contacts per day
network each joins Person sharing home with 2 contacts per day per tie
network mixed joins Person at random mixing by mixing
network office joins Person at random with 10 contacts per day on weekdays

condition Even of Person
  states SEven, EEven, IEven
  start SEven except share 10 % in IEven
  from SEven by contagion to EEven
condition Each of Person
  states SEach, EEach, IEach
  start SEach except share 10 % in IEach
  from SEach by contagion to EEach
condition Mixed of Person
  states SMixed, EMixed, IMixed
  start SMixed except share 10 % in IMixed
  from SMixed by contagion to EMixed
condition Office of Person
  states SOffice, EOffice, IOffice
  start SOffice except share 10 % in IOffice
  from SOffice by contagion to EOffice

contagion of Even
  from IEven on even at 0.1 per contact
contagion of Each
  from IEach on each at 0.1 per contact
contagion of Mixed
  from IMixed on mixed at 0.1 per contact
contagion of Office
  from IOffice on office at 0.1 per contact

observe even_cases = number entering EEven per day
observe each_cases = number entering EEach per day
observe mixed_cases = number entering EMixed per day by age_group
observe office_cases = number entering EOffice per day
"""

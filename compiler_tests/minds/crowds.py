"""Models of people who know what their friends show."""

from __future__ import annotations

# What others show: an attribute that is decided, one that stays, states that are seen; a rule that reads it as well.
SIGHT = """\
model sight version 1.0

clock
  step 1 day
  for 12 days

parameter press = 4

agent Person count 1_000
  age duration ~ uniform(0 years, 90 years)
  party category ~ categorical(red 50 %, blue 50 %)
  household place of size ~ poisson(3)
  calm yes/no ~ bernoulli(30 %)
  effort share = 50 %

network friends joins Person as erdos_renyi(degree 5)
network homes joins Person sharing household with 2 contacts per day

condition Flu of Person
  states S, E, I, R, D
  start S except 100 Person in I
  from S by contagion to E
  from E after exponential(mean 2 days) to I
  from I after exponential(mean 5 days)
    to D with probability 20 %
    to R otherwise
  removed in D
  seen in I, D

contagion of Flu
  from I on friends at 0.1 per day
  source scaled by 0.5 where calm
  target scaled by effort

observe calm_ones = count of Person where calm
observe efforts = mean of effort over Person
observe ill = count of Person where Flu is I

behaviour calming of Person
  decides yes/no into calm
  every 2 days
  knows party
  knows calm_friends = share of friends where their.calm in bands at 25 %, 50 %, 75 %
  knows ill_friends = count of friends where their.Flu is I in bands at 1, 3 named "no", "some", "many"
  knows alike = commonest of their.party over friends is party
  knows years_apart = mean of abs(their.age - age) over homes else 0 years in bands at 20 years
  knows settled = time since Flu in bands at 3 days named "lately", "long ago"
  asks for probabilities
    "{settled} {party}; {calm_friends} calm, {ill_friends} ill friends."
    "Most are of your party: {alike}; {years_apart} apart."
  otherwise no

behaviour trying of Person
  decides share into effort by rule inverse_logit(press * (tried - 0.5))
  every 3 days
  knows tried = mean of their.effort over friends else 50 %
"""

# Several answers of one ask, of every kind; one behaviour is due every two days, the other when something changes.
SEVERAL = """\
model several version 1.0

clock
  step 1 day
  for 12 days

agent Person count 1_000
  age duration ~ uniform(0 years, 90 years)
  careful yes/no = no
  trust number = 50 between 0 and 100
  effort share = 50 %
  mode category one of bus, car, feet = bus
  mood category one of calm, tense = calm

network friends joins Person as erdos_renyi(degree 5)

condition Flu of Person
  states S, I, R
  start S except 100 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days) to R
  seen in I

contagion of Flu
  from I on friends at 0.1 per day
  source scaled by 0.5 where careful
  target scaled by effort
  target scaled by 0.5 where mode is feet

observe careful_ones = count of Person where careful
observe trusting = mean of trust over Person
observe efforts = mean of effort over Person
observe on_foot = count of Person where mode is feet
observe in_cars = count of Person where mode is car
observe tense_ones = count of Person where mood is tense

behaviour feeling of Person
  decides yes/no into careful as wary or easy
  decides whole number from 10 to 90 into trust
  decides share from 20 % to 80 % into effort
  every 2 days
  knows age in bands at 30 years, 60 years
  knows ill_friends = count of friends where their.Flu is I in bands at 1, 3
  asks 7 times per archetype
    "You are {age} old, and {ill_friends} of your friends are ill. How are you?"
  otherwise 10 %, 50, 50 %

behaviour going of Person
  decides category one of feet, bus into mode
  decides category into mood
  when ill, trust_now changes
  knows ill = count of friends where their.Flu is I > 0
  knows trust_now = trust in bands at 40, 60
  asks 5 times per archetype
    "An ill friend: {ill}. You trust {trust_now} of 100. How do you go, and how do you feel?"
  otherwise bus, calm
"""

# Belief, desire, intention: each is decided after the one before, at one moment; a rule among them, a memory, a wait.
CHAIN = """\
model chain version 1.0

clock
  step 1 day
  for 12 days

agent Person count 1_000
  age duration ~ uniform(0 years, 90 years)
  afraid yes/no = no
  hope share = 50 %
  wants category one of stay, go = go
  stays yes/no = no
  tells yes/no = no

network friends joins Person as erdos_renyi(degree 5)

condition Flu of Person
  states S, I, R
  start S except 100 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days) to R
  seen in I

contagion of Flu
  from I on friends at 0.1 per day
  source, target scaled by 0.3 where stays
  source scaled by 0.9 where afraid

observe fear = count of Person where afraid
observe hopes = mean of hope over Person
observe staying = count of Person where stays
observe wanting = count of Person where wants is stay
observe torn = count of Person where afraid and not stays
observe telling = count of Person where tells

behaviour believing of Person
  decides yes/no into afraid
  every 2 days
  knows ill_friends = count of friends where their.Flu is I in bands at 1, 3
  asks for probabilities
    "{ill_friends} of your friends are ill. Are you afraid?"
  otherwise no

behaviour hoping of Person
  decides share into hope by rule (0.2 where afraid, 0.9 otherwise) * calm_part
  every 3 days
  after believing
  knows afraid
  knows calm_part = share of friends where not their.afraid else 1

behaviour wishing of Person
  decides category into wants
  every 2 days
  after believing, hoping
  knows afraid
  knows hopeful = hope in bands at 30 %, 60 %
  asks 5 times per archetype
    "Afraid: {afraid}; your hope is {hopeful}. So far you wanted {decisions}. What now?"
  remembers the last 2 decisions
  otherwise go

behaviour acting of Person
  decides yes/no into stays
  when wants, afraid changes
  after wishing
  knows wants, afraid
  asks for probabilities
    "You want to {wants}; afraid: {afraid}. Do you stay?"
  shifted by 0.5
  otherwise 10 %

behaviour talking of Person
  decides yes/no into tells
  every day
  knows stays
  asks for probabilities
    "You stay at home: {stays}. Do you tell anybody?"
  otherwise 10 %
"""

# What a model says, weighed with a rule that reads what friends show.
BLEND = """\
model blend version 1.0

clock
  step 1 day
  for 10 days

parameter weight = 40 %
  prior uniform(0, 1)
parameter pull = 3

agent Person count 1_000
  age duration ~ uniform(0 years, 90 years)
  masked yes/no ~ bernoulli(30 %)

network friends joins Person as erdos_renyi(degree 5)

condition Flu of Person
  states S, I, R
  start S except 100 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days) to R

contagion of Flu
  from I on friends at 0.1 per day
  source, target scaled by 0.3 where masked

observe masks = count of Person where masked every day

behaviour masking of Person
  decides yes/no into masked
  every 2 days
  knows age in bands at 30 years, 60 years
  knows around = share of friends where their.masked else 0 in bands at 50 %
  asks 4 times per archetype
    "You are {age} old; {around} of your friends wear a mask. Do you?"
  shifted by 0.3
  blends with rule inverse_logit(pull * (around - 0.5)) by weight weight
  otherwise 10 %
"""

"""Two small models that the tests of the run time share, written here so that no other file decides what they say."""

OUTBREAK = """\
## A school class with measles-like spread.
model outbreak version 1.0

clock
  step 1 day
  from 2024-03-04 for 40 days

## Chance of infection in one contact.
parameter beta = 0.06 per contact
  between 0.001 per contact and 0.5 per contact
  prior lognormal(median 0.06 per contact, spread 1.5)
  source "A made-up class, 2024"
parameter illness = 5 days

agent Pupil count 400
  older yes/no = no

network class joins Pupil at random with 6 contacts per day

condition Spots of Pupil
  states S, I, R
  start S except 5 Pupil in I
  from S by contagion to I
  from I after gamma(mean illness, sd 2 days) to R

contagion of Spots
  from I on class at beta
  target scaled by 0.1 where older

observe cases = number entering I per day
observe weekly = number entering I per week
observe ill = count of Pupil where Spots is I

intervention protect
  starts on 2024-03-18
  every day for at most 100 Pupil where not older
    set older to yes

scenario unprotected
  without protect
scenario weaker
  change beta to 0.03 per contact

compare unprotected, weaker with baseline
  repeat 4 times
  report total of cases, peak of ill
"""

BROKEN_PROMISE = OUTBREAK + "\ncheck always count of Pupil where Spots is R <= 10\n"

WRONG_STATE = OUTBREAK.replace("from S by contagion to I\n", "from S by contagion to Infected\n")

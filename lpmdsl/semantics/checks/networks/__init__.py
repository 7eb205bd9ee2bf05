"""Checks of networks: who meets whom, how often, on which days, and how the ties come about."""

from lpmdsl.semantics.checks.networks.declaration import check_network as check_network

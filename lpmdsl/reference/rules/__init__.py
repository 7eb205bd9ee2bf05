"""Rules in the reference: turns of agents, meetings, and what paragraphs do."""

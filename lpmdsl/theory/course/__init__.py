"""The course of an illness without contagion: stays in states, and the way from one to the next."""

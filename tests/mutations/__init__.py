"""Safety rules broken on purpose, so that it is known that the proof would notice."""

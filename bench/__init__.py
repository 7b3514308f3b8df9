"""Side-by-side measurements: ours against the best known peer, all peers in one run."""

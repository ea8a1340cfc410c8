"""How fast the training is, in ratios and counts: what `make bench` measures."""

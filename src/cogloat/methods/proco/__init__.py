"""Contrast with class prototypes of a coreset: the ProCo term of the paper, section 3.4."""

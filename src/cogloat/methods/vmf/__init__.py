"""Probabilistic contrast (Du et al. 2024), which its authors call ProCo: not this paper's ProCo."""

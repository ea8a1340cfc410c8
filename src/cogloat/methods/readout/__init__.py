"""Kang et al. 2020: classifiers computed from another run, tau-normalised or by nearest means."""

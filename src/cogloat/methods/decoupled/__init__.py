"""Kang et al. 2020: a classifier learned anew on another run's backbone, or its scales."""

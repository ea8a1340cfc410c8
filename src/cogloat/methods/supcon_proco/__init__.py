"""Contrast within the batch with class prototypes of a coreset (ProCo)."""

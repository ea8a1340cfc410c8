"""Losses as pure functions of tensors: no state, no device moves."""

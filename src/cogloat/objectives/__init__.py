"""How a batch becomes a loss: one module a training objective, each with `build`."""

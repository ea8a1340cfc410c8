"""What a table says of several seeds. Imports no torch."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import t


def half_interval(std: pd.Series, seeds: pd.Series, confidence: float) -> pd.Series:
    """Return half the width of the mean's confidence interval, by Student's t; nan for one seed.

    Args:
        std: sample standard deviations (n-1).
        seeds: how many values each is of.
        confidence: probability that an interval holds the mean, such as 0.95.
    """
    quantile = t.ppf((1 + confidence) / 2, (seeds - 1).where(seeds > 1))
    return std * quantile / np.sqrt(seeds)

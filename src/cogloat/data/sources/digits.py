"""Scikit-learn's handwritten digits, which are embedded in the package."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from cogloat.config.dataset import Digits
from cogloat.data.labels import SPLITS, Split
from cogloat.data.store import Images


def read_digits(source: Digits) -> tuple[dict[Split, Images], list[str]]:
    """Return both parts, drawn class by class, and the classes' names."""
    digits = load_digits()
    grey_NHW = np.round(digits.images * (255 / 16)).astype(np.uint8)
    images_NCHW = np.repeat(grey_NHW[:, None], 3, axis=1)
    labels_N = digits.target.astype(np.int64)
    train, test = train_test_split(
        np.arange(len(labels_N)),
        test_size=source.test_fraction,
        random_state=source.seed,
        stratify=labels_N,
    )
    chosen = {"train": np.sort(train), "test": np.sort(test)}
    parts = {split: Images(images_NCHW[chosen[split]], labels_N[chosen[split]]) for split in SPLITS}
    return parts, [str(name) for name in digits.target_names]

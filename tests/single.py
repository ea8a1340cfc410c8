"""A contrastive objective within the batch whose encoder is a reader, watched step by step."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from miniature import EITHER, Reader, as_double, build, configured, for_numbers, rows_of
from torch import Tensor

from cogloat.data.imageset import ImageSet
from cogloat.methods.supcon import objective as supcon

BATCH, DIMENSION = 4, 24
SMALL = {"batch_size": BATCH, "projection": (8, DIMENSION), "epochs": 10}


@dataclass(frozen=True)
class Step:
    """One step: what it returned, and what it should have been made of, in float64.

    Attributes:
        logged: of the objective.
        labels: of the 2B anchors.
        numbers: images in each view, the batch's own two first, [2 + P][B].
        table: of the encoder, a leaf.
        gradient: that `loss` has in the table.
        anchors_ND: embeddings of both views, of `table`.
        positives_NPD: of the images of the anchors' classes, of `table`.
        found_NN: the views that were drawn as positives.
    """

    logged: dict[str, Tensor]
    labels: list[int]
    numbers: list[list[int]]
    flipped: list[list[bool]]
    table: Tensor
    gradient: Tensor
    anchors_ND: Tensor
    positives_NPD: Tensor
    found_NN: Tensor


class Single:
    """An objective on numbered images that may be flipped, a flipped one with another embedding.

    Args:
        method: shipped.
        images: the training set.
        given: what the objective needs beside.
        dtype: of the embeddings.
        changes: of the settings.
    """

    def __init__(
        self,
        method: str,
        images: ImageSet,
        given: dict[str, Any] | None = None,
        dtype: torch.dtype = torch.float32,
        **changes: Any,
    ) -> None:
        config = configured(method, "pretrain", len(images.counts_C), **(SMALL | changes))
        config = for_numbers(config, contrastive=EITHER)
        self.settings, self.images = config.settings, images
        self.objective = build(config, images, **(given or {}))
        self._known = len(images) + len((given or {}).get("coreset", ()))
        self.objective.encoder = Reader(self._known, DIMENSION, 1, dtype)
        self._dtype, self._learned = dtype, 100

    def steps(self, epochs: range) -> Iterator[Step]:
        """Train as the loop does, the last batch kept; the encoder learns in every step."""
        for epoch in epochs:
            order = self.objective.order(epoch)
            assert sorted(order.tolist()) == list(range(len(self.images)))
            self.objective.start_epoch(epoch)
            for step, positions in enumerate(order.split(BATCH)):
                yield self.step(positions, epoch, step)

    def step(self, positions: Tensor, epoch: int, number: int) -> Step:
        """Make one step forward and backward, and check that all views were in one pass."""
        encoder, batch = self.objective.encoder, positions.tolist()
        self._learned += 1
        learned = Reader(self._known, DIMENSION, self._learned)
        encoder.load_state_dict(learned.state_dict())
        encoder.zero_grad()
        encoder.given.clear()
        drawn: list[Tensor] = []
        choose = supcon.choose
        with pytest.MonkeyPatch.context() as patch:
            # which were drawn cannot be told from the loss: it is the same for i, j and for j, i
            patch.setattr(supcon, "choose", lambda *of: drawn.append(choose(*of)) or drawn[-1])
            logged = self.objective.loss(positions, epoch, number)
        logged["loss"].backward()

        (given,) = encoder.given
        assert given.training
        assert given.gradient
        rows = [
            given.rows[start : start + len(batch)]
            for start in range(0, len(given.rows), len(batch))
        ]
        numbers = [[image for image, _ in view] for view in rows]
        assert numbers[:2] == [batch, batch]
        assert len(rows) == 2 + self.settings.positives.from_dataset
        table = as_double(encoder.table.to(self._dtype))
        others = [rows_of(table, view) for view in rows[2:]]
        empty = table.new_zeros(len(batch), 0, DIMENSION)
        positives = torch.stack(others, dim=1) if others else empty
        (found,) = drawn
        return Step(
            logged,
            self.images.labels_N[positions].tolist() * 2,
            numbers,
            [[flipped for _, flipped in view] for view in rows],
            table,
            encoder.table.grad.double(),
            torch.cat([rows_of(table, view) for view in rows[:2]]),
            torch.cat([positives, positives]),
            found,
        )

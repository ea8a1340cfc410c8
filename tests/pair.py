"""A contrastive objective whose encoders are readers, watched from outside step by step."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from miniature import EITHER, Given, Reader, as_double, build, configured, for_numbers, rows_of
from torch import Tensor

from cogloat.data.imageset import ImageSet

BATCH, QUEUE, DIMENSION = 4, 12, 24
SMALL = {
    "batch_size": BATCH,
    "queue": QUEUE,
    "projection": (8, DIMENSION),
    "key_momentum": 0.75,
    "epochs": 10,
}


@dataclass(frozen=True)
class Step:
    """One step: what it returned, and what it should have been made of, in float64.

    Attributes:
        logged: of the objective.
        labels: of the anchors.
        numbers: images in each view of the keys, the own ones first, [P][B].
        table: of the query encoder, a leaf.
        gradient: that `loss` has in the table.
        gradient_BD: the same in the anchors' first view.
        queries_ABD: embeddings of the query views, of `table`.
        positives_BPD: of the key views, under the key encoder after its move.
        queue_KD: before the step.
        queue_labels: the same.
        shuffled: whether the keys' images came in another order than the queries'.
    """

    logged: dict[str, Tensor]
    labels: list[int]
    numbers: list[list[int]]
    table: Tensor
    gradient: Tensor
    gradient_BD: Tensor
    queries_ABD: Tensor
    positives_BPD: Tensor
    queue_KD: Tensor
    queue_labels: list[int]
    shuffled: bool


class Pair:
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
        known = len(images) + len((given or {}).get("coreset", ()))
        self.objective.query = Reader(known, DIMENSION, 1, dtype)
        self.objective.key = Reader(known, DIMENSION, 2, dtype).requires_grad_(False)
        self._dtype, self._learned, self._oldest = dtype, 100, 0

    def steps(self, epochs: range) -> Iterator[Step]:
        """Train as the loop does; the query encoder learns something else in every step."""
        for epoch in epochs:
            order = self.objective.order(epoch)
            assert sorted(order.tolist()) == list(range(len(self.images)))
            self.objective.start_epoch(epoch)
            for step, positions in enumerate(order.split(BATCH)):
                yield self.step(positions, epoch, step)

    def step(self, positions: Tensor, epoch: int, number: int) -> Step:
        """Make one step forward and backward, and check the momentum, the passes and the queue."""
        objective = self.objective
        query, key = objective.query, objective.key
        self._learned += 1
        query.load_state_dict(Reader(query.table.shape[1], DIMENSION, self._learned).state_dict())
        query.zero_grad()
        query.given.clear()
        key.given.clear()
        moved = 0.75 * key.table.double() + 0.25 * query.table.double()
        keys, labels = objective.queue.keys.double(), objective.queue.labels.tolist()

        logged = objective.loss(positions, epoch, number)
        logged["loss"].backward()

        torch.testing.assert_close(key.table.double(), moved.detach(), rtol=1e-6, atol=1e-6)
        assert key.table.grad is None
        assert all(one.training and one.gradient for one in query.given)
        assert all(one.training and not one.gradient for one in key.given)
        table, moved = (as_double(one.table.to(self._dtype)) for one in (query, key))
        batch = positions.tolist()
        asked = self.views(query.given)
        assert [[number for number, _ in view] for view in asked] == [batch] * len(asked)
        answered = self.views(key.given)
        order = [batch.index(number) for number, _ in answered[0]]
        answered = [[view[order.index(row)] for row in range(BATCH)] for view in answered]
        made = Step(
            logged,
            self.images.labels_N[positions].tolist(),
            [[number for number, _ in view] for view in answered],
            table,
            query.table.grad.double(),
            rows_of(query.table.grad.double(), asked[0]),
            torch.stack([rows_of(table, view) for view in asked]),
            torch.stack([rows_of(moved.detach(), view) for view in answered], dim=1),
            keys,
            labels,
            order != list(range(BATCH)),
        )
        self._check_queue(made)
        return made

    def views(self, given: list[Given]) -> list[list[tuple[int, bool]]]:
        """Return each view's rows, of a pass for all, an image's side by side, or of one each."""
        if not self.settings.joint_views:
            return [one.rows for one in given]
        (rows,) = (one.rows for one in given)
        count = len(rows) // BATCH
        return [rows[view::count] for view in range(count)]

    def _check_queue(self, made: Step) -> None:
        """The batch's own keys have replaced the oldest entries, in the batch's order."""
        keys, labels = made.queue_KD.clone(), list(made.queue_labels)
        for row in range(BATCH):
            keys[self._oldest] = made.positives_BPD[row, 0]
            labels[self._oldest] = made.labels[row]
            self._oldest = (self._oldest + 1) % QUEUE
        queue = self.objective.queue
        torch.testing.assert_close(queue.keys.double(), keys, rtol=1e-6, atol=1e-6)
        assert queue.labels.tolist() == labels


def found_in_queue(made: Step, *others_ND: Tensor) -> Tensor:
    """Say which queue entries [B, K] the loss draws its anchors to, from its gradient alone.

    The gradient in a query is a sum of what it is compared with (keys, and whatever else the loss
    has). The weights are negative for positives only, as long as the temperature is high and so all
    probabilities small.
    """
    rows = []
    gradient = made.gradient_BD
    for anchor in range(BATCH):
        keys = [*others_ND, made.positives_BPD[anchor], made.positives_BPD[:, 0], made.queue_KD]
        weights = torch.linalg.lstsq(torch.cat(keys).T, gradient[anchor]).solution
        rows.append(weights[-QUEUE:] < 0)
    return torch.stack(rows)

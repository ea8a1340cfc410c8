"""The image files that a source has, and what is wrong with them. Imports no torch and no PIL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from cogloat.data.labels import Split
from cogloat.errors import UserError

NAMED = 10  # of many files, those that a message or a summary names


class ImageFile(NamedTuple):
    """One file of a source.

    Attributes:
        name: by which it is told: its path within the source.
        path: by which it is opened.
        label: of its class.
        size: in bytes.
        changed: when, in nanoseconds.
    """

    name: str
    path: str
    label: int
    size: int
    changed: int


@dataclass(frozen=True)
class Listing:
    """The image files of a source, in the order of the store.

    Attributes:
        parts: of train and test, and of validation where it is listed.
        classes: their names, in label order.
        passed_over: reason -> names of what is there and is not an image of the data.
    """

    parts: dict[Split, list[ImageFile]]
    classes: list[str]
    passed_over: dict[str, list[str]]


@contextmanager
def collected(problems: list[UserError]) -> Iterator[None]:
    """Add a mistake to the problems, and go on."""
    try:
        yield
    except UserError as error:
        problems.append(error)


def refuse(problems: Sequence[UserError], where: str, cause: str = "") -> None:
    """End with what is wrong, if anything is.

    Args:
        problems: a sentence each, with the place and the fix.
        where: what they are problems of.
        cause: what is behind most of them, if that is known: the last line.

    Raises:
        UserError: with a line for each of the first problems, and how many there are.
    """
    count = len(problems)
    if count > NAMED:
        lines = [f"{where}: {count:,} problems, the first {NAMED} of which are:"]
        lines += [*map(str, problems[:NAMED]), cause]
        raise UserError("\n".join(filter(None, lines)))
    if count > 1:
        raise UserError("\n".join([f"{where}: {count} problems:", *map(str, problems)]))
    if problems:
        raise problems[0]

"""Command-line arguments of the configuration's types, so that both refuse the same values."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from cogloat.config.dataset import check_shot_groups
from cogloat.config.reasons import reason
from cogloat.config.types import Count


def of_type(kind: Any) -> Callable[[str], Any]:
    """Return what reads an argument, to be the `type` of `ArgumentParser.add_argument`.

    Args:
        kind: one of `cogloat.config.types`, such as Count.

    Returns:
        A function of the text. It raises ArgumentTypeError, with what to write instead.
    """
    adapter = TypeAdapter(kind, config=ConfigDict(allow_inf_nan=False))

    def read(text: str) -> Any:
        try:
            return adapter.validate_strings(text)
        except ValidationError as error:
            raise argparse.ArgumentTypeError(reason(error.errors()[0])) from None

    return read


def add_shot_groups(parser: argparse.ArgumentParser) -> None:
    """Add --many-above and --few-below, training images of a class."""
    for name in ("--many-above", "--few-below"):
        parser.add_argument(
            name, type=of_type(Count), required=True, help="training images of a class"
        )


def parse_shot_groups(
    parser: argparse.ArgumentParser, argv: Sequence[str] | None
) -> argparse.Namespace:
    """Read a command line with shot groups; where a class would be in two, end as argparse does."""
    args = parser.parse_args(argv)
    try:
        check_shot_groups(args.many_above, args.few_below)
    except ValueError as error:
        parser.error(str(error))
    return args

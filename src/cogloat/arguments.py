"""Command-line arguments of the configuration's types, so that both refuse the same values."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from cogloat.config.reasons import reason


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

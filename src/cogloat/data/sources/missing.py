"""Why listed images are not there: what is in their place tells it. Imports no torch."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from cogloat.data.sources.listing import NAMED


def likely_cause(names: Sequence[str], listed: Sequence[str], root: str) -> str:
    """Return what is behind most of the missing images, or nothing where that is not known.

    Args:
        names: paths of those that are missing, within the source; not a cause's if they are few.
        listed: of all that the lists name.
        root: folder of the source.
    """
    if len(names) <= NAMED:
        return ""
    folders = {name: os.path.dirname(name) for name in names}  # noqa: PTH120  of so many, faster
    there = {folder: Path(root, folder).is_dir() for folder in set(folders.values())}
    causes = Counter(_cause(name, folder, there[folder], root) for name, folder in folders.items())
    cause, count = causes.most_common(1)[0]
    every = {os.path.dirname(name) for name in listed}  # noqa: PTH120
    absent = sum(not is_there for is_there in there.values())
    text = CAUSES[cause].format(absent=absent, folders=len(every))
    return f"{len(names):,} of {len(listed):,} listed images are missing. {text}" if count else ""


def _cause(name: str, folder: str, is_there: bool, root: str) -> str:
    above = Path(root, folder).parent
    if folder and (above / Path(name).name).is_file():
        return "flat"
    if not is_there:
        return "packed" if Path(root, f"{folder}.tar").is_file() else "part"
    return "edition"


CAUSES = {
    "flat": "Most lie flat, in the folder above that of their class, as archives have them "
    "(ILSVRC's validation images, for instance). Move each into the folder that the list names.",
    "packed": "Most are in an archive beside the folder of their class, <class>.tar. Unpack each "
    "into a folder of its name.",
    "part": "Of {folders:,} folders that are listed {absent:,} are not there: it is a part of the "
    "set (such as ILSVRC 2012's Task 3, dogs alone), or source.root is not the folder that the "
    "paths start from.",
    "edition": "The folders of their classes are there, and most of these images are not in them: "
    "it is another edition of the set (such as ImageNet of 2010 or of 2011), or an incomplete "
    "copy.",
}

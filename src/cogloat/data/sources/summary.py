"""summary.json: what a store has, to be looked at before anything is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, ClassVar, get_args

from pydantic import NonNegativeInt

from cogloat.data.labels import Split
from cogloat.data.sources.equal import Digest, Pair, common, repeated
from cogloat.data.sources.listing import NAMED, Listing
from cogloat.results.reading import Artefact, Count

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILE = "summary.json"
SHOWN = 20  # classes; of more, the smallest and the largest alone are printed


@dataclass(frozen=True)
class Told:
    """What is told of a part of a store.

    Attributes:
        labels_N: of its images.
        sizes_N2: their widths and heights, before they were scaled.
        digests: of their pixels.
        converted: what was changed or is odd -> the files' names.
    """

    labels_N: NDArray[np.int64]
    sizes_N2: NDArray[np.integer]
    digests: Sequence[Digest]
    converted: Mapping[str, Sequence[str]]


class Files(Artefact):
    """Some files: how many, and the names of the first."""

    count: Count
    first: tuple[str, ...]


class Equal(Artefact):
    """Images with the pixels of another one: how many, and the names of the first pairs."""

    count: NonNegativeInt
    with_another_label: NonNegativeInt
    first: tuple[tuple[str, str], ...]


class Range(Artefact):
    """What is least, most and in the middle."""

    least: Count
    median: float
    most: Count


class Part(Artefact):
    """The images of train, of test or of validation.

    Attributes:
        images: how many.
        classes: name -> how many.
        width: in pixels, before images were scaled.
        height: likewise.
        repeated: those that are equal to an earlier one.
    """

    images: Count
    classes: dict[str, Count]
    width: Range
    height: Range
    repeated: Equal


class Summary(Artefact):
    """What a store has.

    Attributes:
        train: the images that sets are drawn from.
        test: the images that runs are judged by.
        validation: those that the best epoch is chosen by, where they are listed.
        train_in_test: test images that are equal to a training image.
        train_in_validation: likewise.
        passed_over: why -> files of the source that are no images of it.
        converted: what was changed, beside the size, or is odd -> images.
    """

    FIX: ClassVar[str] = "Make the store again with src/fetch.py"
    train: Part
    test: Part
    validation: Part | None = None
    train_in_test: Equal
    train_in_validation: Equal | None = None
    passed_over: dict[str, Files]
    converted: dict[str, Files]

    def text(self) -> str:
        """Return it in the lines that a person reads."""
        return "\n".join(_lines(self))


def summarise(
    told: Mapping[Split, Told], classes: Sequence[str], listing: Listing | None
) -> Summary:
    """Return what is worth a look in what was read.

    Args:
        told: of each part.
        classes: their names, in label order.
        listing: the files that the images come from, if they do.
    """
    parts: dict[str, Part] = {}
    converted: dict[str, list[str]] = {}
    for split, part in told.items():
        counts = Counter(part.labels_N.tolist())
        widths, heights = part.sizes_N2.T.tolist()
        parts[split] = Part(
            images=len(part.labels_N),
            classes={_safe(name): counts[label] for label, name in enumerate(classes)},
            width=_range(widths),
            height=_range(heights),
            repeated=_equal(told, listing, repeated(part.digests), (split, split)),
        )
        for change, names in part.converted.items():
            converted.setdefault(change, []).extend(names)
    shared: dict[Split, Equal] = {}
    for split, part in told.items():
        pairs = common(told["train"].digests, part.digests)
        shared[split] = _equal(told, listing, pairs, ("train", split))
    passed_over = {} if listing is None else listing.passed_over
    return Summary(
        train=parts["train"],
        test=parts["test"],
        validation=parts.get("validation"),
        train_in_test=shared["test"],
        train_in_validation=shared.get("validation"),
        passed_over={why: _files(names) for why, names in passed_over.items()},
        converted={change: _files(names) for change, names in converted.items()},
    )


def _files(names: Sequence[str]) -> Files:
    return Files(count=len(names), first=tuple(map(_safe, sorted(names)[:NAMED])))


def _equal(
    told: Mapping[Split, Told],
    listing: Listing | None,
    pairs: Sequence[Pair],
    splits: tuple[Split, Split],
) -> Equal:
    """Return how many images are equal; one that is no file is called by its index."""

    def name(split: Split, index: int) -> str:
        files = listing and listing.parts[split]
        return _safe(files[index].name) if files else f"{split} {index}"

    one, other = splits
    labels, others = told[one].labels_N, told[other].labels_N
    return Equal(
        count=len(pairs),
        with_another_label=sum(bool(labels[i] != others[j]) for i, j in pairs),
        first=tuple((name(one, i), name(other, j)) for i, j in pairs[:NAMED]),
    )


def _range(values: Sequence[int]) -> Range:
    return Range(least=min(values), median=float(median(values)), most=max(values))


def _safe(name: str) -> str:
    """Return a file's name as text, whatever bytes it is made of."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _lines(summary: Summary) -> Iterator[str]:
    for split in get_args(Split):
        part: Part | None = getattr(summary, split)
        if part is None:
            continue
        yield f"{split}: {part.images:,} images of {len(part.classes)} classes ({_counts(part)})"
        yield f"{split}: {_pixels(part.width)} wide, {_pixels(part.height)} high"
        if part.repeated.count:
            warning = "warning: " * bool(part.repeated.with_another_label)
            yield f"{warning}{split}: images equal to an earlier one: {_pairs(part.repeated)}"
    for why, files in summary.passed_over.items():
        yield f"passed over, {why}: {files.count:,}: {_named(files.first, files.count)}"
    for change, files in summary.converted.items():
        yield f"converted, {change}: {files.count:,}: {_named(files.first, files.count)}"
    for split in ("test", "validation"):
        equal: Equal | None = getattr(summary, f"train_in_{split}")
        if equal is not None and equal.count:
            yield f"warning: {split} images equal to a training image: {_pairs(equal)}"


def _counts(part: Part) -> str:
    least, most = (choose(part.classes, key=part.classes.__getitem__) for choose in (min, max))
    if len(part.classes) > SHOWN:
        return f"from {part.classes[least]:,} of {least} to {part.classes[most]:,} of {most}"
    return ", ".join(f"{name}: {count:,}" for name, count in part.classes.items())


def _pixels(of: Range) -> str:
    if of.least == of.most:
        return f"{of.least:,} pixels"
    return f"{of.least:,} to {of.most:,} (median {of.median:,g}) pixels"


def _pairs(equal: Equal) -> str:
    labels = f", {equal.with_another_label:,} of them with another label"
    pairs = _named([f"{one} = {other}" for one, other in equal.first], equal.count)
    return f"{equal.count:,}{labels * bool(equal.with_another_label)}: {pairs}"


def _named(first: Sequence[str], count: int) -> str:
    return ", ".join([*first, "..."] if count > len(first) else first)

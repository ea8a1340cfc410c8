"""summary.json: what a store has, to be looked at before anything is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median
from typing import ClassVar

from pydantic import NonNegativeInt

from cogloat.data.sources.equal import Pair, common, repeated
from cogloat.data.sources.listing import NAMED, SPLITS, Split
from cogloat.data.sources.read import SourceImages
from cogloat.results.reading import Artefact, Count

FILE = "summary.json"
SHOWN = 20  # classes; of more, the smallest and the largest alone are printed


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
    """The images of train or of test.

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
        train_in_test: test images that are equal to a training image.
        passed_over: why -> files of the source that are no images of it.
        converted: what was changed, beside the size -> images.
    """

    FIX: ClassVar[str] = "Make the store again with src/fetch.py"
    train: Part
    test: Part
    train_in_test: Equal
    passed_over: dict[str, Files]
    converted: dict[str, Files]

    def text(self) -> str:
        """Return it in the lines that a person reads."""
        return "\n".join(_lines(self))


def summarise(source: SourceImages) -> Summary:
    """Return what is worth a look in what was read."""
    parts = {}
    for split, images in source.parts.items():
        counts = Counter(images.labels_N.tolist())
        _, _, height, width = images.images_NCHW.shape
        sizes = [[width, height]]
        if source.decoded is not None:
            sizes = source.decoded[split].sizes_N2.tolist()
        parts[split] = Part(
            images=len(images.labels_N),
            classes={_safe(name): counts[label] for label, name in enumerate(source.classes)},
            width=_range([width for width, _ in sizes]),
            height=_range([height for _, height in sizes]),
            repeated=_equal(source, repeated(images.images_NCHW), split, split),
        )
    both = common(source.parts["train"].images_NCHW, source.parts["test"].images_NCHW)
    converted: dict[str, list[str]] = {}
    for decoded in (source.decoded or {}).values():
        for change, names in decoded.converted.items():
            converted.setdefault(change, []).extend(names)
    passed_over = {} if source.listing is None else source.listing.passed_over
    return Summary(
        **parts,
        train_in_test=_equal(source, both, "train", "test"),
        passed_over={why: _files(names) for why, names in passed_over.items()},
        converted={change: _files(names) for change, names in converted.items()},
    )


def _files(names: Sequence[str]) -> Files:
    return Files(count=len(names), first=tuple(map(_safe, sorted(names)[:NAMED])))


def _equal(source: SourceImages, pairs: Sequence[Pair], one: Split, other: Split) -> Equal:
    """Return how many images are equal; one that is no file is called by its index."""

    def name(split: Split, index: int) -> str:
        files = source.listing and source.listing.parts[split]
        return _safe(files[index].name) if files else f"{split} {index}"

    labels, others = source.parts[one].labels_N, source.parts[other].labels_N
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
    for split in SPLITS:
        part: Part = getattr(summary, split)
        yield f"{split}: {part.images:,} images of {len(part.classes)} classes ({_counts(part)})"
        yield f"{split}: {_pixels(part.width)} wide, {_pixels(part.height)} high"
        if part.repeated.count:
            warning = "warning: " * bool(part.repeated.with_another_label)
            yield f"{warning}{split}: images equal to an earlier one: {_pairs(part.repeated)}"
    for why, files in summary.passed_over.items():
        yield f"passed over, {why}: {files.count:,}: {_named(files.first, files.count)}"
    for change, files in summary.converted.items():
        yield f"converted, {change}: {files.count:,}: {_named(files.first, files.count)}"
    if summary.train_in_test.count:
        yield f"warning: test images equal to a training image: {_pairs(summary.train_in_test)}"


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

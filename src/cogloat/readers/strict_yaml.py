"""YAML of one document, whose keys are text and are there once, and whose values mean one thing."""

from __future__ import annotations

import contextlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import yaml

from cogloat.errors import UserError
from cogloat.readers.yaml_values import TAG, value_of

# libyaml is fifteen times as fast as PyYAML's own parser, which then tells what is wrong, in the
# words that are explained below, and reads what libyaml alone would accept
FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FAULTS = (UserError, ValueError, yaml.YAMLError)
READ_OTHERWISE = re.compile(r"[\t?\ufeff]|[|>]#")
DEEPEST = 50  # sections within each other; ours are fewer than ten
LONGEST = 1_000_000  # letters, once every alias is written out
MERGE = "<<"

# what PyYAML says -> what it means, and what to do
MEANINGS = {
    r"character '\\t'": "a tab stands where only spaces may. Replace it by spaces.",
    "mapping values are not allowed": "there is a second ': ', or another indentation than before. "
    "Put text that has ': ' in quotes, or mend the indentation.",
    "end of stream|stream end": "a bracket or a quote {opened}is not closed. Close it.",
    "expected <block end>": "it does not begin, or is not indented, as the lines before it. Line "
    "it up with them.",
    "expected ',' or": "a comma or a closing bracket {opened}is missing. Add it.",
    "could not find expected ':'": "there is no ': ' after the key. Write `key: value`.",
    "cannot start any token": "text that begins like this needs quotes. Put it in quotes.",
    "expected alphabetic or numeric": "`&` and `*` begin a name. Put text that has them in quotes.",
    "unknown escape character": "there is no such escape. Use single quotes, not double ones.",
}


@lru_cache(maxsize=256)
def parse_yaml(path: Path | str, text: str) -> Any:
    """Return what the one document of a YAML text holds; aliases stand for what they name.

    A text is parsed once: that of a file which many extend is read for each of them. The value is
    shared, and not to be changed.

    Args:
        path: of the text, for messages.
        text: without a byte-order mark.

    Raises:
        UserError: if it is not YAML, has no document or several, a key that is no text or is there
            twice, a tag, a merge key, an alias of nothing or of what it stands in, a value that
            versions of YAML read differently, or is nested too deep or too long; with the line.
    """
    if not READ_OTHERWISE.search(text):
        with contextlib.suppress(*FAULTS):
            return _Parser(path, FAST(text)).document()
    try:
        loader = yaml.SafeLoader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UserError(
            f"{path}: line {line}: has a character that cannot be printed. Remove it."
        ) from None
    try:
        return _Parser(path, loader).document()
    except yaml.MarkedYAMLError as error:
        raise UserError(_explained(path, loader.line, error)) from None
    except (ValueError, OverflowError):
        beyond_unicode = yaml.MarkedYAMLError(problem="unknown escape character")
        raise UserError(_explained(path, loader.line, beyond_unicode)) from None


def dump_yaml(document: Any) -> str:
    """Return a document as YAML that `parse_yaml` reads as it was.

    Text is in quotes wherever a version of YAML would take it for something else, as it does a
    revision such as 0841179 or 12e4567, which PyYAML writes without.

    Args:
        document: nested dictionaries with text as keys, lists, text, numbers, booleans and None.
    """
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Puts text in quotes that is not text to every reader."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    try:
        is_text = value_of(text) == text
    except ValueError:
        is_text = False
    node: yaml.ScalarNode = dumper.represent_scalar(
        f"{TAG}str", text, style=None if is_text else "'"
    )
    return node


_Dumper.add_representer(str, _represent_text)


def _explained(path: Path | str, line: int, error: yaml.MarkedYAMLError) -> str:
    """Return one of PyYAML's errors in one line; lines count from 0 there."""
    problem = " ".join((error.problem or "").split())
    known = (words for pattern, words in MEANINGS.items() if re.search(pattern, problem))
    opened = f"of line {error.context_mark.line + 1} " if error.context_mark else ""
    meaning = next(known, f"{problem}. Mend the line.").replace("{opened}", opened)
    line = error.problem_mark.line if error.problem_mark else line
    return f"{path}: line {line + 1}: not valid YAML: {meaning}"


class _Anchored(NamedTuple):
    """What an alias stands for, and how long it is."""

    value: Any
    length: int


class _Parser:
    """Makes values of a loader's events."""

    def __init__(self, path: Path | str, loader: yaml.SafeLoader) -> None:
        self._path, self._next = path, loader.get_event
        self._anchors: dict[str, _Anchored | None] = {}  # None within what it names
        self._length = 0

    def document(self) -> Any:
        """Return the value of the only document."""
        self._next()  # the stream starts
        if isinstance(start := self._next(), yaml.StreamEndEvent):
            self._refuse(start, "the file is empty. Write `key: value` lines.")
        value = self._value(self._next(), 0)
        self._next()  # the document ends
        if not isinstance(another := self._next(), yaml.StreamEndEvent):
            self._refuse(another, "a second document begins. Leave one, without `---`.")
        return value

    def _value(self, event: Any, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._named(event)
        if depth > DEEPEST:
            self._refuse(event, f"sections are nested more than {DEEPEST} deep. Write fewer.")
        if event.tag is not None:
            tag = ascii(event.tag.replace(TAG, "!!"))
            self._refuse(event, f"the tag {tag} is not read. Remove it.")
        if event.anchor in self._anchors:
            self._refuse(event, f"&{event.anchor} is there twice. Rename one.")
        before = self._length
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.MappingStartEvent):
            value: Any = self._section(depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._list(depth)
        else:
            value = self._scalar(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, self._length - before)
        return value

    def _named(self, event: yaml.AliasEvent) -> Any:
        if event.anchor not in self._anchors:
            self._refuse(event, f"*{event.anchor}: no line before has &{event.anchor}. Add one.")
        found = self._anchors[event.anchor]
        if found is None:
            self._refuse(event, f"*{event.anchor} stands within &{event.anchor}. Remove it.")
        self._grow(event, found.length)
        return found.value

    def _section(self, depth: int) -> dict[str, Any]:
        section: dict[str, Any] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key, line = self._key(event), _line(event)
            if key in section:
                twice = f"the key {key!r} is there twice, in lines {lines[key]} and {line}"
                self._refuse(event, f"{twice}. Remove one.")
            lines[key] = line
            section[key] = self._value(self._next(), depth + 1)
        return section

    def _key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(event, "a key is not text. Write its name in letters.")
        if event.value == MERGE and not event.style:
            self._refuse(event, f"`{MERGE}` is not read. Write out the keys that it stands for.")
        key = self._value(event, 0)
        if key is None:
            self._refuse(event, "a key is missing before ':'. Write it, or quotes around text.")
        if not isinstance(key, str):
            self._refuse(event, f"the key {event.value} is not text. Put it in quotes.")
        return key

    def _list(self, depth: int) -> list[Any]:
        items = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._value(event, depth + 1))
        return items

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        self._grow(event, 1 + len(event.value))
        if event.style:  # in quotes, or a block
            return event.value
        try:
            return value_of(event.value)
        except ValueError as error:
            self._refuse(event, str(error))

    def _grow(self, event: yaml.Event, length: int) -> None:
        self._length += length
        if self._length > LONGEST:
            self._refuse(event, f"the file is longer than {LONGEST} letters. Use fewer aliases.")

    def _refuse(self, event: Any, problem: str) -> NoReturn:
        raise UserError(f"{self._path}: line {_line(event)}: {problem}")


def _line(event: Any) -> int:
    line: int = event.start_mark.line + 1
    return line

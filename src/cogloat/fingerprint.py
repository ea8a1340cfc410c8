"""What a script's code means, as a hash: the behaviour counts, its wording does not.

A job carries the fingerprint of its script, so that a changed expression makes its results out of
date while a comment, a docstring, a message or a blank line does not. The locked versions of the
libraries that it imports are part of it: another torch is other code. Imports are followed without
executing anything, so that the graph is built where torch is not installed.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

PACKAGE = "cogloat"
# What cannot change a number: what configurations are made of (a run's config.json counts by its
# content), how a mistake is told, how bytes come that are verified, what is recorded or said of a
# result, and what this file itself computes.
UNCOUNTED = (
    "cogloat.arguments",
    "cogloat.certificates",
    "cogloat.config",
    "cogloat.data.sources.download",
    "cogloat.data.sources.equal",
    "cogloat.data.sources.summary",
    "cogloat.data.sources.transfer",
    "cogloat.errors",
    "cogloat.fingerprint",
    "cogloat.guard",
    "cogloat.methods.objective",
    "cogloat.readers.documents",
    "cogloat.readers.strict_yaml",
    "cogloat.readers.yaml_values",
    "cogloat.results.epoch_line",
    "cogloat.results.provenance",
    "cogloat.results.reading",
    "cogloat.runs",
    "cogloat.training.commandline",
)
LOCK = Path("requirements/train.txt")
# what a library is imported as, where the lock has another name
IMPORTED_AS = {"pillow": "PIL", "scikit-learn": "sklearn", "pyyaml": "yaml"}
# what a tree holds beside its meaning; some Python versions write it and some do not
WORDING = {"ctx", "kind", "type_comment", "type_ignores"}
# fields that hold statements, or parts of one that hold them
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
TOLD = {"help", "description"}  # keywords whose values a person reads


def fingerprint(script: Path | str, *extra_modules: str) -> str:
    """Return the SHA-256 of a script, of every module of the package and every library it imports.

    What raise and print say does not count, nor do the modules of `UNCOUNTED`.

    Args:
        script: a Python file beside the package's folder.
        *extra_modules: modules it imports by a name that is made at run time, such as
            `cogloat.methods.moco.objective`.

    Returns:
        The hexadecimal digest. It is the same on every Python version and in every folder.

    Raises:
        ModuleNotFoundError: if an extra module does not exist.
    """
    script = Path(script)
    versions = _locked_versions(script.absolute().parents[1] / LOCK)
    digest, imported = _read(script.read_bytes(), "")
    digests = {"": digest}
    for name in extra_modules:
        if _file(script.parent, name) is None:
            raise ModuleNotFoundError(f"no module '{name}' beside {script}", name=name)
    waiting, seen = [*imported, *extra_modules], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        top = name.partition(".")[0]
        if top in versions:
            digests[top] = versions[top]
        file = _file(script.parent, name) if top == PACKAGE else None
        if file is not None:
            package = name if file.name == "__init__.py" else name.rpartition(".")[0]
            digests[name], imported = _read(file.read_bytes(), package)
            waiting += [*imported, name.rpartition(".")[0]]
    return hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()


def packages(script: Path) -> set[str]:
    """Return the packages that a script and the modules of ours behind it need when they run.

    Modules that it imports by names made at run time are not followed.

    Args:
        script: a Python file beside the package's folder.
    """
    found: set[str] = set()
    waiting = [*_needs(script, "")]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        file = _file(script.parent, name) if name.partition(".")[0] == PACKAGE else None
        if file is not None:
            package = name if file.name == "__init__.py" else name.rpartition(".")[0]
            waiting += _needs(file, package)
    tops = {name.partition(".")[0] for name in found}
    return tops - {PACKAGE} - sys.stdlib_module_names


@cache
def _needs(file: Path, package: str) -> tuple[str, ...]:
    """Return what a file imports, but for what is there for type checkers alone."""
    tree = ast.parse(file.read_text())
    unused: set[ast.AST] = set()
    for node in ast.walk(tree):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                unused.update(inner for part in node.body for inner in ast.walk(part))
    used = (node for node in ast.walk(tree) if node not in unused)
    return tuple(name for node in used for name in _imports(node, package))


@cache
def _read(source: bytes, package: str) -> tuple[str, tuple[str, ...]]:
    """Return the digest of a file's meaning, and the package's modules it may import."""
    tree = ast.parse(source)
    digest = hashlib.sha256(_meaning(tree).encode()).hexdigest()
    names = (name for statement in _statements(tree) for name in _imports(statement, package))
    return digest, tuple(dict.fromkeys(name for name in names if _counts(name)))


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every statement of a tree; what is in expressions is no statement."""
    for name in BLOCKS:
        for inner in getattr(node, name, ()):
            yield inner
            yield from _statements(inner)


@cache
def _counts(module: str) -> bool:
    return not f"{module}.".startswith(tuple(f"{name}." for name in UNCOUNTED))


@cache
def _locked_versions(lock: Path) -> dict[str, str]:
    """Return import name -> version of every library in a lock; none where there is no lock."""
    if not lock.is_file():
        return {}
    pinned = re.findall(r"^([\w.-]+)==([^\\\n]+)", lock.read_text("utf-8"), re.M)
    versions: dict[str, str] = {}
    for name, version in pinned:  # one a Python version, where they differ
        key = IMPORTED_AS.get(name, name)
        versions[key] = versions.get(key, "") + version.strip() + "\n"
    return versions


def _imports(node: ast.AST, package: str) -> Iterator[str]:
    """Yield what one statement imports; a name from a module may be a module itself."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parents = package.split(".")[: 1 - node.level or None] if node.level else []
        module = ".".join([*parents, *filter(None, [node.module])])
        yield module
        yield from (f"{module}.{alias.name}" for alias in node.names)


@cache
def _file(folder: Path, module: str) -> Path | None:
    """Return the file of a module, or None where the name is not a module's."""
    path = module.replace(".", "/")
    candidates = (folder / f"{path}.py", folder / path / "__init__.py") if module else ()
    return next((file for file in candidates if file.is_file()), None)


def _meaning(tree: ast.AST) -> str:
    """Return a syntax tree as text, without positions, docstrings, messages and empty fields."""
    parts: list[str] = []
    _describe(tree, parts.append)
    return "".join(parts)


def _describe(value: object, add: Callable[[str], object]) -> None:
    """Add a part of a tree; every start of Snakemake does so a hundred thousand times."""
    if isinstance(value, list):
        add("[")
        for item in value:
            _describe(item, add)
            add(",")
        add("]")
    elif not isinstance(value, ast.AST):
        add(repr(value))
    elif isinstance(value, ast.Raise):
        add("(Raise ")
        _describe(value.exc.func if isinstance(value.exc, ast.Call) else value.exc, add)
        add(")")
    elif _is_print(value):
        add("(Print)")
    elif isinstance(value, ast.keyword) and value.arg in TOLD:
        add(f"({value.arg})")
    else:
        add(f"({type(value).__name__}")
        for name in value._fields:
            field = None if name in WORDING else getattr(value, name, None)
            if name == "body" and isinstance(value, Documented):
                field = value.body[_has_docstring(value.body) :]
            if field is not None and field != []:
                add(f" {name}=")
                _describe(field, add)
        add(")")


def _is_print(value: ast.AST) -> bool:
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and value.func.id == "print"
    )


def _has_docstring(body: list[ast.stmt]) -> bool:
    match body:
        case [ast.Expr(value=ast.Constant(value=str())), *_]:
            return True
    return False

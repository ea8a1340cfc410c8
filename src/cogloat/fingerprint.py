"""What a script's code means, as a hash: the behaviour counts, its wording does not.

A job carries the fingerprint of its script, so that a changed expression makes its results out of
date while a comment, a docstring or a blank line does not. Imports are followed without executing
anything, so that the graph is built where torch is not installed.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = "cogloat"
# types of what a configuration says: a run's config.json says it too, and counts by its content
UNCOUNTED = f"{PACKAGE}.config"
# what a tree holds beside its meaning; some Python versions write it and some do not
WORDING = {"ctx", "kind", "type_comment", "type_ignores"}


def fingerprint(script: Path | str, *extra_modules: str) -> str:
    """Return the SHA-256 of a script and of every module of the package that it imports.

    The configuration's types do not count, so that a new key makes nothing out of date that does
    not have it.

    Args:
        script: a Python file beside the package's folder.
        *extra_modules: modules it imports by a name that is made at run time, such as
            `cogloat.objectives.contrastive`.

    Returns:
        The hexadecimal digest. It is the same on every Python version and in every folder.

    Raises:
        ModuleNotFoundError: if an extra module does not exist.
    """
    script = Path(script)
    digest, imported = _read(script.read_text(), "")
    digests = {"": digest}
    for name in extra_modules:
        if _file(script.parent, name) is None:
            raise ModuleNotFoundError(f"no module '{name}' beside {script}", name=name)
    waiting = [*imported, *extra_modules]
    while waiting:
        name = waiting.pop()
        file = _file(script.parent, name)
        if file is not None and name not in digests:
            package = name if file.name == "__init__.py" else name.rpartition(".")[0]
            digests[name], imported = _read(file.read_text(), package)
            waiting += [*imported, name.rpartition(".")[0]]
    return hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()


@cache
def _read(source: str, package: str) -> tuple[str, tuple[str, ...]]:
    """Return the digest of a file's meaning, and the package's modules it may import."""
    tree = ast.parse(source)
    digest = hashlib.sha256("".join(_meaning(tree)).encode()).hexdigest()
    names = (name for node in ast.walk(tree) for name in _imports(node, package))
    return digest, tuple(dict.fromkeys(name for name in names if _counts(name)))


def _counts(module: str) -> bool:
    counted, left_out = (f"{module}.".startswith(f"{part}.") for part in (PACKAGE, UNCOUNTED))
    return counted and not left_out


def _imports(node: ast.AST, package: str) -> Iterator[str]:
    """Yield what one statement imports; a name from a module may be a module itself."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parents = package.split(".")[: 1 - node.level or None] if node.level else []
        module = ".".join([*parents, *filter(None, [node.module])])
        yield module
        yield from (f"{module}.{alias.name}" for alias in node.names)


def _file(folder: Path, module: str) -> Path | None:
    """Return the file of a module, or None where the name is not a module's."""
    path = folder.joinpath(*module.split(".")) if module else None
    candidates = [] if path is None else [path.with_name(f"{path.name}.py"), path / "__init__.py"]
    return next((file for file in candidates if file.is_file()), None)


def _meaning(value: object) -> Iterator[str]:
    """Yield a syntax tree as text, without positions, docstrings and empty fields."""
    if isinstance(value, ast.AST):
        yield f"({type(value).__name__}"
        for name, field in ast.iter_fields(value):
            if name == "body" and isinstance(value, _Documented):
                field = field[_has_docstring(field) :]
            if name not in WORDING and field is not None and field != []:
                yield f" {name}="
                yield from _meaning(field)
        yield ")"
    elif isinstance(value, list):
        yield "["
        for item in value:
            yield from _meaning(item)
            yield ","
        yield "]"
    else:
        yield repr(value)


_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _has_docstring(body: list[ast.stmt]) -> bool:
    match body:
        case [ast.Expr(value=ast.Constant(value=str())), *_]:
            return True
    return False

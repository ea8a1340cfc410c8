"""Expressions over tables: `table2.cogloat_proco - table2.bcl`, at one dataset and factor.

A table's name is followed by the values of its key columns: `table1.variance.kcl`, or
`table1.variance[each]`. `at` reaches the other columns: `at.cifar100.if50.table2.tsc`. The names
`dataset` and `factor` ("cifar100", "if50") are those of the column at hand.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable

from simpleeval import InvalidExpression, SimpleEval
from uncertainties import nominal_value, umath

from cogloat.claims.names import IncompleteName, NamesAt, Vocabulary
from cogloat.claims.schema import Column
from cogloat.claims.tables import ROUNDING, Cell, Number, Source, error_components
from cogloat.errors import UserError, nearest


def tables_in(expression: str, known: Vocabulary) -> set[str]:
    """Return the tables that an expression reads at the column at hand.

    Raises:
        UserError: if it is not an expression, or a name is unknown.
    """
    return _first_names(_parse(expression), known) & known.rows.keys()


def evaluate(
    expression: str,
    source: Source,
    known: Vocabulary,
    column: Column,
    each: str | None,
    value: Callable[[Cell], Number],
) -> Number:
    """Return the value of an expression at one dataset and factor.

    Args:
        expression: arithmetic, names, and min, max, abs, sqrt, mean, deviation.
        source: the tables that give the numbers.
        known: the names that there are.
        column: the dataset and factor.
        each: the value of the name `each`.
        value: what a cell counts as: its number, or the value of one of its seeds or rounds.

    Raises:
        UserError: if it is not an expression, a name is unknown, or it is no finite number.
        MissingNumberError: if the source lacks a number that it needs.
    """
    parsed = _parse(expression)
    _first_names(parsed, known)
    evaluator = SimpleEval(
        operators=OPERATORS,
        functions=FUNCTIONS,
        names=NamesAt(source, known, column, each, value),
        allowed_attrs={IncompleteName: _Everything()},
    )
    try:
        result = evaluator.eval(expression, previously_parsed=parsed)
        finite = math.isfinite(nominal_value(result))
    except (InvalidExpression, ArithmeticError, TypeError, ValueError, LookupError) as error:
        raise UserError(f"cannot be computed ({error}). Mend the expression.") from None
    if not finite or isinstance(result, bool):
        raise UserError(f"gives {result} at {column}, no finite number. Mend the expression.")
    return result


class _Everything:
    """The attributes that simpleeval lets pass; of anything else, a number, it lets none pass."""

    def __contains__(self, name: str) -> bool:
        return True


# `uncertainties` gives up the comparisons of its values, so min, max and abs compare the means.


def _min(*values: Number) -> Number:
    return min(values, key=nominal_value)


def _max(*values: Number) -> Number:
    return max(values, key=nominal_value)


def _abs(value: Number) -> Number:
    return _max(value, -value)


def _mean(*values: Number) -> Number:
    return sum(values) / len(values)


def _deviation(value: Number) -> float:
    """Return the standard error of a number, 0 where none is known; its rounding is none."""
    parts = error_components(value).items()
    error = math.hypot(*(part for mean, part in parts if mean.tag != ROUNDING))
    return 0.0 if math.isnan(error) else error


def _power(base: Number, exponent: float) -> Number:
    return base ** float(exponent)  # whole numbers could take for ever


FUNCTIONS: dict[str, Callable] = {
    "min": _min,
    "max": _max,
    "abs": _abs,
    "sqrt": umath.sqrt,
    "mean": _mean,
    "deviation": _deviation,
}
OPERATORS: dict[type[ast.AST], Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: _power,
    ast.USub: operator.neg,
}


def _parse(expression: str) -> ast.Expr:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a second statement would be dropped with a warning
        try:
            parsed = SimpleEval.parse(expression)
        except (SyntaxError, InvalidExpression, Warning, ValueError) as error:
            raise UserError(f"is not an expression ({error}). Mend it.") from None
    if not isinstance(parsed, ast.Expr):
        raise UserError("is a statement, not an expression. Mend it.")
    return parsed


def _first_names(parsed: ast.AST, known: Vocabulary) -> set[str]:
    names = {node.id for node in ast.walk(parsed) if isinstance(node, ast.Name)}
    allowed = known.first_names | FUNCTIONS.keys()
    for name in sorted(names - allowed):
        raise UserError(f"there is no '{name}'. {nearest(name, allowed)}")
    return names

"""The formula of a multi grader, as the weight of each of its graders."""

from __future__ import annotations

import ast

LONGEST_FORMULA = 2000


def weights_of(formula: str) -> dict[str, float] | None:
    """Return each grader's positive weight in a weighted sum; None for any other formula.

    A division of the whole sum by a number, as in a mean, counts as weights.
    """
    if len(formula) > LONGEST_FORMULA:
        return None
    try:
        weights = _sum(ast.parse(formula.strip(), mode="eval").body)
    except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError):
        return None
    positive = weights is not None and all(weight > 0 for weight in weights.values())
    return weights if positive else None


def _sum(node: ast.expr) -> dict[str, float] | None:
    if isinstance(node, ast.Name):
        return {node.id: 1.0}
    if not isinstance(node, ast.BinOp):
        return None
    if isinstance(node.op, ast.Add):
        left, right = _sum(node.left), _sum(node.right)
        if left is None or right is None or left.keys() & right.keys():
            return None
        return left | right
    if isinstance(node.op, (ast.Mult, ast.Div)):
        factor, terms = _number(node.right), _sum(node.left)
        if factor is None and isinstance(node.op, ast.Mult):
            factor, terms = _number(node.left), _sum(node.right)
        if not factor or terms is None:
            return None
        by = factor if isinstance(node.op, ast.Mult) else 1 / factor
        return {name: weight * by for name, weight in terms.items()}
    return None


def _number(node: ast.expr) -> float | None:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return float(node.value)  # type: ignore[arg-type]  # its type was just looked at
    return None

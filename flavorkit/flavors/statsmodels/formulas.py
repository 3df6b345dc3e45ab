"""The formulas of statsmodels, evaluated by patsy on the columns of a frame."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from flavorkit.errors import InvalidInputError

# patsy's own; what they learn of the data (means, knots, levels) is fixed when a model is fitted.
_FIXED = frozenset(
    {
        *("C", "Diff", "Helmert", "I", "Poly", "Q", "Sum", "Treatment", "bs", "cc", "center"),
        *("cr", "scale", "standardize", "te"),
    }
)
_PLAIN_NODES = (
    *(ast.Expression, ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.Compare, ast.List),
    *(ast.Tuple, ast.keyword, ast.operator, ast.unaryop, ast.cmpop, ast.expr_context),
)


@dataclass(frozen=True)
class Formula:
    """The right side of a model's formula."""

    text: str
    columns: tuple[str, ...]
    """The columns it needs, as far as they can be told."""
    numeric: frozenset[str]
    """Those of them that stand for themselves and have to be numbers."""
    is_row_wise: bool
    """Whether it is known to look at one row at a time."""

    def evaluated(self, frame: Any, predict: Callable[[pd.DataFrame], Any]) -> Any:
        """What ``predict`` makes of ``frame``, which it evaluates the formula on.

        Raises:
            InvalidInputError: columns are missing, or the formula cannot be evaluated on them.
        """
        import patsy

        if not isinstance(frame, pd.DataFrame):
            raise InvalidInputError(
                f"the formula {self.text!r} takes columns by name ({', '.join(self.columns)});"
                f" expected a frame, got shape {np.shape(frame)}"
            )
        missing = [name for name in self.columns if name not in frame.columns]
        if missing:
            raise InvalidInputError(
                f"columns are missing that the formula {self.text!r} needs:"
                f" {', '.join(map(repr, missing))}"
            )
        # Rows that lack a value are left out and put back by the index, which so must be unique.
        frame = frame.reset_index(drop=True).infer_objects()
        for name in self.numeric:
            if not pd.api.types.is_numeric_dtype(frame[name].dtype):
                raise InvalidInputError(
                    f"column {name!r}: expected numbers, got {frame[name].dtype}"
                )
        try:
            return predict(frame)
        except (patsy.PatsyError, ValueError, TypeError, AttributeError) as exc:
            said = str(exc).rpartition("The original error message returned by patsy is:")[2]
            problem = " ".join(said.split())[:1000]
            raise InvalidInputError(f"the formula {self.text!r}: {problem}") from exc


def of(native: Any) -> Formula | None:
    """The formula of a model's results, if it has one."""
    from patsy import DesignInfo

    model = native.model
    if not hasattr(model, "formula"):
        return None
    spec = getattr(model, "model_spec", None) or getattr(model.data, "model_spec", None)
    text = str(model.formula)
    if not isinstance(spec, DesignInfo):  # another engine's
        return Formula(text, (), frozenset(), is_row_wise=False)
    trees = {_tree(factor): info for factor, info in spec.factor_infos.items()}
    known = getattr(model.data, "frame", None)
    names = [str(name) for name in known.columns] if isinstance(known, pd.DataFrame) else []
    used = {name for tree in trees for name in _names(tree)}
    plain = {
        tree.body.id: info.type == "numerical"
        for tree, info in trees.items()
        if isinstance(tree.body, ast.Name)
    }
    return Formula(
        text,
        columns=tuple(name for name in names if name in used),
        numeric=frozenset(name for name in names if plain.get(name)),
        is_row_wise=all(_is_row_wise(tree) for tree in trees),
    )


def _tree(factor: Any) -> ast.Expression:
    return ast.parse(str(factor.code), mode="eval")


def _names(tree: ast.AST) -> set[str]:
    """The variables in an expression, and the text in it, which ``Q("a name")`` stands for."""
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return found | {text for text in texts if isinstance(text, str)}


def _is_row_wise(tree: ast.AST) -> bool:
    """Whether it is arithmetic, functions of numpy that take each value for itself, and patsy's."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in _FIXED:
                continue
            case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr=name)):
                if not isinstance(getattr(np, name, None), np.ufunc):
                    return False
            case ast.Attribute(value=ast.Name(id="np")):
                continue
            case _ if not isinstance(node, _PLAIN_NODES):
                return False
    return True

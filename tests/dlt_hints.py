"""What dlt asks of a type's hint is answered once.

It resolves its configuration some forty times in a sync and looks at each hint anew, which is a
sixth of a sync's time. The answers are those of dlt's own functions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, Final

from dlt.common import typing as hints
from dlt.common.configuration.specs import base_configuration as specs

_ASKED: Final = {
    hints: (
        "extract_inner_type",
        "is_literal_type",
        "is_newtype_type",
        "is_optional_type",
        "is_union_type",
    ),
    specs: ("extract_inner_hint", "is_secret_hint"),
}


def remember() -> None:
    """Put functions that remember in the place of dlt's, in each of its modules."""
    remembering = {
        function: _remembering(function)
        for module, names in _ASKED.items()
        for name in names
        if (function := getattr(module, name, None))
    }
    for name, module in list(sys.modules.items()):
        if name == "dlt" or name.startswith("dlt."):
            for own, value in list(vars(module).items()):
                if callable(value) and getattr(value, "__hash__", None) and value in remembering:
                    setattr(module, own, remembering[value])


def _remembering(function: Callable[..., Any]) -> Callable[..., Any]:
    known = cache(function)

    @wraps(function)
    def ask(*hint: Any, **how: Any) -> Any:
        try:
            return known(*hint, **how)
        except TypeError:  # some hints have no hash
            return function(*hint, **how)

    return ask

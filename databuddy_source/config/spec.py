"""The keys of `[sources.databuddy]` as dlt looks them up."""

from __future__ import annotations

from typing import Any, Final

from dlt.common.configuration.specs import BaseConfiguration, configspec
from dlt.common.typing import TSecretValue

from databuddy_source.config.keys import HIDDEN, KEYS


def _spec() -> type[BaseConfiguration]:
    """Untyped but for the secrets: dlt fills in no unions, and the models check them."""
    types: dict[str, Any] = dict.fromkeys(KEYS, Any | None)
    types |= dict.fromkeys(HIDDEN, TSecretValue | None)
    body: dict[str, Any] = {**dict.fromkeys(types), "__annotations__": types}
    return configspec(type("DatabuddyConfiguration", (BaseConfiguration,), body))


SPEC: Final = _spec()
"""What `databuddy_source` is given as its `spec`."""

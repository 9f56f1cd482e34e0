"""Values of any JSON, and whether a column or a text says one of them."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

from hypothesis import strategies as st

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**52, 2**65)
    | st.floats()
    | st.text(st.characters(codec=None), max_size=8)
    | st.datetimes().map(str)
    | st.datetimes(timezones=st.timezones()).map(str)
    | st.sampled_from(["NaN", "", "\x00", "\ud83e", "2026-03-02", "1", 10**400, 2**63]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3)
    ),
    max_leaves=4,
)


def sent_text(text: str) -> str:
    """A text without what no warehouse takes."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\x00", "\ufffd")


def is_text_of(text: object, value: object) -> bool:
    """Whether a text says the value: as it is, or as JSON."""
    if not isinstance(text, str):
        return False
    if isinstance(value, str) and text == sent_text(value):
        return True
    if isinstance(value, float) and not math.isfinite(value):
        return text == str(value)
    try:
        read = json.loads(text)
    except ValueError:
        return False
    # NaN and infinities inside of nested values become null: JSON has no word for them
    return without_the_unsayable(read) == without_the_unsayable(value)


def without_the_unsayable(value: object) -> object:
    match value:
        case str():
            return sent_text(value)
        case bool():
            return repr(value)
        case float() if not math.isfinite(value):
            return None
        case list():
            return [without_the_unsayable(each) for each in value]
        case dict():
            return {key: without_the_unsayable(each) for key, each in value.items()}
    return value


def is_held(held: object, value: object) -> bool:
    """Whether a column holds the value without loss."""
    if isinstance(held, str):
        return is_text_of(held, value)
    if isinstance(held, datetime) and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return held == moment.replace(tzinfo=moment.tzinfo or UTC)
    if isinstance(held, bool) or isinstance(value, bool):
        return held is value
    if isinstance(held, float) and isinstance(value, float) and math.isnan(value):
        return math.isnan(held)
    return held is not None and held == value

"""The keys of the configuration."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from databuddy_source.api.credential import Credential
from databuddy_source.config.accounts import Account
from databuddy_source.config.reports import ReportSetting
from databuddy_source.config.settings import Settings
from databuddy_source.model.generations import OPERATORS, Generation
from databuddy_source.model.reports import Condition
from docs.parts.markdown import docstrings, sentence, servers, table

Json = dict[str, Any]


def settings_table() -> str:
    """Every key of `[sources.databuddy]`."""
    schema, told = Settings.model_json_schema(), docstrings(Settings)
    rows = [
        [f"`{name}`", "text", "", "", sentence(meaning)]
        for name, meaning in docstrings(Credential).items()
    ]
    for name, entry in schema["properties"].items():
        if name != "credential":
            rows.append([*_field(name, entry, schema), sentence(told[name])])
    return table(["key", "type", "default", "example", "meaning"], rows)


def settings_example() -> str:
    """A configuration that sets every key."""
    properties = Settings.model_json_schema()["properties"]
    given = {
        name: entry["examples"][0] for name, entry in properties.items() if "examples" in entry
    }
    lines = [f"{name} = {_toml(value)}" for name, value in given.items()]
    return "\n".join(["```toml", "[sources.databuddy]", *lines, "```"])


def account_table() -> str:
    """Every key of an account."""
    return _model_table(Account)


def report_table() -> str:
    """Every key of a report."""
    return _model_table(ReportSetting)


def filter_table() -> str:
    """Every key of a filter."""
    return _model_table(Condition)


def operators() -> str:
    """Every operator of filters, and the servers that have it."""
    rows = [
        [
            f"`{name}`",
            servers([on for on in Generation if name in on.operators], Generation) or "all",
        ]
        for name in OPERATORS
    ]
    return table(["operator", "servers of"], rows)


def _model_table(model: type[BaseModel]) -> str:
    schema, told = model.model_json_schema(), docstrings(model)
    rows = []
    for name, entry in schema["properties"].items():
        key, kind, default, _ = _field(name, entry, schema)
        rows.append([key, kind, default, sentence(told[name])])
    return table(["key", "type", "default", "meaning"], rows)


def _field(name: str, entry: Json, schema: Json) -> list[str]:
    default = entry.get("default")
    example = entry.get("examples", [None])[0]
    return [
        f"`{name}`",
        _type(entry, schema),
        "" if default in (None, [], {}, "") else f"`{_toml(default)}`",
        "" if example is None else f"`{_toml(example)}`",
    ]


def _type(entry: Json, schema: Json) -> str:
    """A JSON schema in a person's words."""
    entry = entry.get("allOf", [entry])[0]  # older pydantic wraps what has a default
    if "$ref" in entry:
        entry = schema["$defs"][entry["$ref"].rsplit("/", 1)[-1]]
    if "enum" in entry:
        return " or ".join(f'`"{value}"`' for value in entry["enum"])
    if "anyOf" in entry:
        kinds = [_type(each, schema) for each in entry["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if entry["type"] == "array":
        return f"list of {_type(entry['items'], schema)}"
    if entry["type"] == "integer" and "maximum" in entry:
        return f"{entry['minimum']} to {entry['maximum']}"
    words = {
        "boolean": "`true` or `false`",
        "integer": "number",
        "number": "number",
        "object": "tables",
        "string": "text",
    }
    return "day" if entry.get("format") == "date" else words[entry["type"]]


def _toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml(each)}' for key, each in value.items())} }}"
    return json.dumps(value)

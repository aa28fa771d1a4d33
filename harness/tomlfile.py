"""Reads a TOML file into a model, and says what is wrong in terms of the file: where, which key, what is allowed."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harness.errors import UsageError

M = TypeVar("M", bound=BaseModel)

# pydantic's words -> ours, where its own would puzzle the writer of a file.
WORDS = {
    "missing": "is missing",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "string_type": "must be a string",
    "string_pattern_mismatch": "must not be blank",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
}


def read(path: Path, error: type[UsageError]) -> dict[str, Any]:
    """Return a TOML file's content. Raises `error` with file, line and column."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError as problem:
        raise error(f"{path}: there is no such file") from problem
    except OSError as problem:
        raise error(f"{path}: cannot be read ({problem.strerror})") from problem
    except UnicodeDecodeError as problem:
        raise error(f"{path}: is not UTF-8 (byte {problem.start})") from problem
    except tomllib.TOMLDecodeError as problem:
        raise error(f"{path}: is not valid TOML: {problem}") from problem
    except (ValueError, RecursionError) as problem:  # a number of thousands of digits, brackets thousands deep
        raise error(f"{path}: cannot be read as TOML: {str(problem).partition(';')[0]}") from problem


def build(model: type[M], values: dict[str, Any], where: str, error: type[UsageError]) -> M:
    """Return `values` as a model. Raises `error` naming every wrong key, at most ten."""
    try:
        # Through JSON, because there strictness is right for files: a list is a tuple, but "3" and true are no numbers.
        return model.model_validate_json(json.dumps(values, default=_date), strict=True)
    except ValidationError as problems:
        lines = [_sentence(model, p) for p in problems.errors()[:10]]  # type: ignore[arg-type]
        raise error("\n".join(f"{where}: {line}" for line in lines)) from problems


def _date(value: Any) -> dict[str, str]:
    """A date or time of TOML as something that no key takes, so that it is refused where it stands."""
    return {"a date, which needs quotes here": str(value)}


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean 'x'?)" for the known name closest to `name`, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _sentence(model: type[BaseModel], problem: dict[str, Any]) -> str:
    """Return one problem of pydantic's as a sentence about a key."""
    key = ".".join(str(part) for part in problem["loc"]) or "the file"
    if problem["type"] == "extra_forbidden":
        known = _fields(model, problem["loc"][:-1])
        return f"unknown key `{key}`{nearest(str(problem['loc'][-1]), known)}; allowed: {', '.join(known)}"
    words = WORDS.get(problem["type"]) or problem["msg"].removeprefix("Value error, ").replace("Input should", "must")
    if problem["type"] == "value_error" and isinstance(problem["input"], dict):  # a rule of a whole table
        return f"`{key}`: {words}" if problem["loc"] else words
    given = "" if problem["type"] == "missing" else f" (it is {_short(problem['input'])})"
    return f"`{key}`: {words[0].lower()}{words[1:]}{given}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _fields(model: Any, path: Iterable[Any]) -> list[str]:
    """Return the keys that are allowed in the table at `path` of a model."""
    for part in path:
        if isinstance(part, str) and part in getattr(model, "model_fields", {}):
            model = _table(model.model_fields[part].annotation) or model
    return [f.alias or name for name, f in model.model_fields.items()]


def _table(annotation: Any) -> Any:
    """Return the model inside an annotation such as `App | None` or `dict[str, ServiceSpec]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = [_table(inner) for inner in getattr(annotation, "__args__", ())]
    return next((f for f in found if f is not None), None)

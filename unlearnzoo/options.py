"""Typed, documented options: annotated fields that a flag, a YAML file or Python can set.

One schema gives parsing, bounds, error messages, ``unlearnzoo show`` and the docs.
"""

import dataclasses
import difflib
import json
import math
import types
import typing
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Self, dataclass_transform

from .errors import OptionError


def option(
    default: Any,
    help: str,  # noqa: A002 - the word authors know from click and argparse
    *,
    gt: float | None = None,
    ge: float | None = None,
    le: float | None = None,
    choices: tuple[object, ...] | None = None,
    per_command: bool = False,
) -> Any:
    """Declare an option of a plugin or recipe.

    Args:
        default: the value when nobody sets it.
        help: one line for ``unlearnzoo show``.
        gt: the value must be greater.
        ge: the value must be at least this.
        le: the value must be at most this.
        choices: the only values allowed.
        per_command: never taken from a record, but typed again: where people's data are sent, and with which key.
    """
    meta = {"help": help, "gt": gt, "ge": ge, "le": le, "choices": choices, "per_command": per_command or None}
    return dataclasses.field(default=default, metadata=meta)


@dataclass_transform(kw_only_default=True, field_specifiers=(option,))
class Configurable:
    """Base of everything with options; annotated fields are the options."""

    name: ClassVar[str]

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(kw_only=True)(cls)

    def __post_init__(self) -> None:
        for field in _fields(type(self)):
            value = convert(f"{self.name}.{field.name}", _hints(type(self))[field.name], getattr(self, field.name))
            _check_bounds(f"{self.name}.{field.name}", field.metadata, value)
            setattr(self, field.name, value)

    @classmethod
    def configure(cls, values: Mapping[str, object]) -> Self:
        """Build from ``{"beta": "0.05"}``: texts of the command line or typed values.

        Raises:
            OptionError: an unknown name (with the nearest one) or an unacceptable value.
        """
        known = option_names(cls)
        for name in values:
            if name not in known:
                raise OptionError(f"{cls.name} has no option {name!r}{nearest(name, known)}")
        return cls(**values)

    def values(self) -> dict[str, Any]:
        """Return all options as resolved, JSON-able."""
        return {field.name: getattr(self, field.name) for field in _fields(type(self))}


def option_names(cls: type[Configurable]) -> list[str]:
    """Return the names of a class's options, in order of declaration."""
    return [field.name for field in _fields(cls)]


def named_by_record(cls: type[Configurable], recorded: Mapping[str, object], typed: Iterable[str]) -> str | None:
    """Return an option that only a record names, though each command must; None where there is none.

    Args:
        cls: whose options.
        recorded: option → value, as a record has them; the default is nobody's choice.
        typed: options that this command names itself.
    """
    asked = per_command(cls)
    return next((n for n, v in recorded.items() if n in asked and v != asked[n] and n not in set(typed)), None)


def per_command(cls: type[Configurable]) -> dict[str, object]:
    """Return the options that each command must name itself, and their defaults."""
    return {field.name: field.default for field in _fields(cls) if field.metadata.get("per_command")}


def describe(cls: type[Configurable]) -> list[dict[str, Any]]:
    """Return one row per option: name, type, default, bounds, help."""
    rows = []
    for field in _fields(cls):
        hint = _hints(cls)[field.name]
        bounds = {k: v for k, v in field.metadata.items() if k not in ("help", "per_command") and v is not None}
        rows.append(
            {
                "name": field.name,
                "type": _type_name(hint),
                "default": field.default,
                **bounds,
                "help": field.metadata.get("help", ""),
            }
        )
    return rows


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a misspelt one is most like; None where none is like it."""
    return next(iter(difflib.get_close_matches(name, known, n=1)), None)


def nearest(name: str, known: Iterable[str], otherwise: str = "it has") -> str:
    """Return ``; did you mean 'x'?`` or the list of what exists, for the end of an error line.

    Args:
        name: as typed.
        known: names that exist.
        otherwise: what introduces the list.
    """
    known = sorted(known)
    close = closest(name, known)
    return f"; did you mean {close!r}?" if close else f"; {otherwise} {', '.join(known) or 'none'}"


def convert(where: str, hint: object, value: object) -> Any:
    """Turn a text or YAML value into the annotated type.

    Raises:
        OptionError: naming the option, the type wanted and the value given.
    """
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None or (isinstance(value, str) and value.lower() in ("none", "null")):
        if type(None) in kinds:
            return None
    elif (converted := _as_kind(next(k for k in kinds if k is not type(None)), value)) is not None:
        return converted
    given = repr(value)
    raise OptionError(f"{where}: expected {_type_name(hint)}, got {given if len(given) <= 80 else f'{given[:77]}...'}")


def _as_kind(kind: Any, value: Any) -> Any:
    """Return ``value`` as ``kind``, or None where it is not one."""
    try:
        if kind is bool:
            return value if isinstance(value, bool) else {"true": True, "false": False}[value.lower()]
        if isinstance(value, bool):
            return None  # True is an int to Python, not to a user
        if kind is int:
            return _whole(value)
        if kind is float:
            number = float(value)
            # JSON has neither an infinite number nor NaN: a record could not say what was asked for.
            return number if math.isfinite(number) else None
        if kind is str:
            return value if isinstance(value, str) else None
        origin = typing.get_origin(kind) or kind
        loaded = json.loads(value) if isinstance(value, str) else value
        loaded = tuple(loaded) if origin is tuple and isinstance(loaded, list) else loaded
        return loaded if isinstance(loaded, origin) else None
    except (KeyError, ValueError, AttributeError, TypeError, OverflowError, InvalidOperation, RecursionError):
        return None


def _whole(value: object) -> int | None:
    """Return a whole number of at most 64 bits, to the last digit (a float would round a long seed); else None."""
    number = Decimal(str(value))
    fits = number.is_finite() and number.adjusted() < 19 and number == number.to_integral_value()
    return int(number) if fits and abs(number) < 2**63 else None


def _check_bounds(where: str, meta: Mapping[str, Any], value: Any) -> None:
    if value is None:
        return
    if meta.get("choices") and value not in meta["choices"]:
        raise OptionError(f"{where}: must be one of {', '.join(map(str, meta['choices']))}, got {value!r}")
    tests = {"gt": (lambda v, b: v > b, ">"), "ge": (lambda v, b: v >= b, ">="), "le": (lambda v, b: v <= b, "<=")}
    for key, (holds, sign) in tests.items():
        bound = meta.get(key)
        if bound is not None and not holds(value, bound):
            raise OptionError(f"{where}: must be {sign} {bound}, got {value!r}")


def _fields(cls: type[Configurable]) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cls)  # type: ignore[arg-type]


def _hints(cls: type[Configurable]) -> dict[str, object]:
    return typing.get_type_hints(cls)


def _type_name(hint: object) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint).replace("NoneType", "none")

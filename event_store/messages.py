"""What events and commands share: frozen data classes with checked fields, and a type that names them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache, wraps
from typing import Any, ClassVar, TypedDict, dataclass_transform, get_type_hints
from uuid import UUID

import msgspec

from event_store.exceptions import DuplicateEventType, InvalidEvent, UnnamedEventType, UnstorablePayload

MAX_TYPE_LENGTH = 255
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
MAX_DEPTH = 200
"""Of values in values: no reader of JSON gives up before that."""
NATIVE_TYPES = (UUID, datetime, date, time, timedelta, Decimal, bytes)


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Message:
    """
    A frozen, keyword-only data class whose fields are checked when it is built.

    Class arguments:
        type: the name it is stored under; without it, app label + "." + class name.
        version: int >= 1, the version of its shape.
        abstract: a base for others, never stored itself.
    """

    __registry__: ClassVar[TypeRegistry]
    __explicit_type__: ClassVar[str | None] = None
    __schema_version__: ClassVar[int] = 1
    __is_abstract__: ClassVar[bool] = True

    def __init_subclass__(
        cls, *, type: str | None = None, version: int = 1, abstract: bool = False, **options: Any
    ) -> None:
        super().__init_subclass__(**options)
        _check_class_arguments(cls, type, version)
        cls.__explicit_type__, cls.__schema_version__, cls.__is_abstract__ = type, version, abstract
        dataclass(frozen=True, kw_only=True)(cls)
        cls.__init__ = _with_checked_fields(cls.__init__)  # type: ignore[method-assign]
        if not abstract:
            cls.__registry__.add(cls)


class TypeRegistry:
    """Which class stands for which type; types are looked up late, once Django's apps are loaded."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._classes: dict[tuple[str, str, str | None], type[Message]] = {}
        self._by_type: dict[str, list[type[Message]]] | None = None

    def add(self, message_class: type[Message]) -> None:
        # The same place in the source again is a reload, not a second class.
        place = (message_class.__module__, message_class.__qualname__, message_class.__explicit_type__)
        self._classes[place] = message_class
        self._by_type = None

    def copy(self) -> dict[tuple[str, str, str | None], type[Message]]:
        return dict(self._classes)

    def restore(self, classes: dict[tuple[str, str, str | None], type[Message]]) -> None:
        """Go back to what `copy` gave."""
        self._classes, self._by_type = dict(classes), None

    def classes(self) -> list[type[Message]]:
        return list(self._classes.values())

    def find(self, type_name: str) -> type[Message] | None:
        """The class of a type, or None when no class has it. Raises DuplicateEventType when two have."""
        if self._by_type is None:
            self._by_type = self._index()
        claimed_by = self._by_type.get(type_name, ())
        if len(claimed_by) > 1:
            raise DuplicateEventType(self._complaint(type_name, claimed_by))
        return claimed_by[0] if claimed_by else None

    def complaints(self) -> list[str]:
        """What is wrong with the types of all classes: each that two or more claim."""
        return [self._complaint(name, classes) for name, classes in self._index().items() if len(classes) > 1]

    def types_of(self, message_class: type[Message]) -> frozenset[str]:
        """
        The types of a class and of all its subclasses; a subclass that has no type cannot be stored and is left out.

        Raises:
            UnnamedEventType: the class itself needs a `type=`.
        """
        classes = [each for each in self.classes() if issubclass(each, message_class)]
        if message_class in classes:
            type_of(message_class)
        return frozenset(name for each in classes if (name := _type_or_none(each)) is not None)

    def named_by(self, given: object, *, base: type[Message]) -> frozenset[str] | None:
        """The types that a class (a subclass of `base`, with its subclasses) or a type name stands for; None for others."""
        if isinstance(given, str):
            return frozenset([given]) if is_storable(given) and given else None
        if isinstance(given, type) and issubclass(given, base):
            return self.types_of(given)
        return None

    def _index(self) -> dict[str, list[type[Message]]]:
        index: dict[str, list[type[Message]]] = {}
        for message_class in self._classes.values():
            name = _type_or_none(message_class)
            if name is not None:
                index.setdefault(name, []).append(message_class)
        return index

    def _complaint(self, type_name: str, classes: Sequence[type[Message]]) -> str:
        paths = " and ".join(map(_path, classes))
        return f"{paths} both have the {self.kind} type {type_name!r}: give one of them a type of its own (type=…)."


def type_of(message_class: type[Message]) -> str:
    """
    The type that messages of this class are stored under.

    Raises:
        UnnamedEventType: the class belongs to no installed app and was given no `type=`.
    """
    name = _type_or_none(message_class)
    if name is None:
        raise UnnamedEventType(
            f"{_path(message_class)} belongs to no installed app, so its type is unknown: "
            f'write class {message_class.__name__}({message_class.__bases__[0].__name__}, type="…").'
        )
    return name


def is_storable(text: str) -> bool:
    """Whether every database takes the text: it has no NUL and no lone surrogate."""
    return _UNSTORABLE.search(text) is None


def refuse_unstorable(value: Any, path: str, *, depth: int = 0) -> None:
    """Raises UnstorablePayload for what JSON has no word for, anywhere in dicts, lists and scalars."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise UnstorablePayload(f"{path}: {value} is not a finite number and cannot be stored as JSON.")
    elif isinstance(value, (str, int)) or value is None:
        return
    elif isinstance(value, (datetime, time)):
        offset = value.utcoffset()
        if offset is None and value.tzinfo is not None:
            raise UnstorablePayload(
                f"{path}: {value!r} is in a zone that has no offset without a day, and would lose it."
            )
        if offset is not None and offset % timedelta(minutes=1):
            raise UnstorablePayload(
                f"{path}: {value} is {offset} from UTC, and a stored time keeps whole minutes only: give it as "
                "value.astimezone(UTC)."
            )
    elif depth == MAX_DEPTH:
        raise UnstorablePayload(f"{path[:100]}…: is nested more than {MAX_DEPTH} levels deep.")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            refuse_unstorable(item, f"{path}.{key}", depth=depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for index, item in enumerate(value):
            refuse_unstorable(item, f"{path}[{index}]", depth=depth + 1)


def _type_or_none(message_class: type[Message]) -> str | None:
    resolved: str | None = message_class.__dict__.get("__resolved_type__")
    if resolved is None:
        resolved = message_class.__dict__["__explicit_type__"] or _type_from_app(message_class)
        if resolved is not None:
            message_class.__resolved_type__ = resolved  # type: ignore[attr-defined]
    return resolved


def _type_from_app(message_class: type[Message]) -> str | None:
    # Django's registry is complete only after set-up, long after event classes are declared.
    from django.apps import apps

    config = apps.get_containing_app_config(message_class.__module__)
    return None if config is None else f"{config.label}.{message_class.__name__}"


def _with_checked_fields(init: Callable[..., None]) -> Callable[..., None]:
    @wraps(init)
    def checked_init(self: Message, *args: Any, **values_given: Any) -> None:
        try:
            init(self, *args, **values_given)
        except TypeError as error:
            raise InvalidEvent(f"{type(self).__name__}: {_plain(error)}") from error
        values = vars(self)
        values.update(_converted(self, values))

    return checked_init


def _converted(message: Message, values: dict[str, Any]) -> Any:
    message_class: Any = type(message)
    name, types = message_class.__name__, _fields_of(message_class)
    try:
        plain = msgspec.to_builtins(values, builtin_types=NATIVE_TYPES)
        refuse_unstorable(plain, name)
        return msgspec.convert(plain, types, builtin_types=NATIVE_TYPES)
    except msgspec.ValidationError as error:
        raise InvalidEvent(f"{name}{_field_in(error)}") from error
    except RecursionError:
        raise UnstorablePayload(f"{name}: is nested more than {MAX_DEPTH} levels deep, or contains itself.") from None
    except (TypeError, OverflowError) as error:
        raise InvalidEvent(f"{name}{_unsupported_field(values)}: {error}") from error


@cache
def _fields_of(message_class: type[Any]) -> Any:
    hints = get_type_hints(message_class, include_extras=True)
    types = {field.name: hints[field.name] for field in fields(message_class)}
    make_typed_dict: Any = TypedDict
    return make_typed_dict(f"{message_class.__name__}Fields", types)


def _field_in(error: msgspec.ValidationError) -> str:
    what, _, path = str(error).partition(" - at `")
    return f"{path.rstrip('`').removeprefix('$')}: {what}"


def _unsupported_field(values: dict[str, Any]) -> str:
    for field, value in values.items():
        try:
            msgspec.to_builtins(value, builtin_types=NATIVE_TYPES)
        except (TypeError, OverflowError):
            return f".{field}"
    return ""


def _plain(error: TypeError) -> str:
    return str(error).partition("__init__() ")[2] or str(error)


def _path(message_class: type[Message]) -> str:
    return f"{message_class.__module__}.{message_class.__qualname__}"


def _check_class_arguments(cls: type[Message], type_name: object, version: object) -> None:
    if type_name is not None and not (isinstance(type_name, str) and 0 < len(type_name) <= MAX_TYPE_LENGTH):
        raise InvalidEvent(
            f"{cls.__name__}: type= takes a string of 1 to {MAX_TYPE_LENGTH} characters, not {type_name!r}."
        )
    if isinstance(type_name, str) and not type_name.isprintable():
        raise InvalidEvent(f"{cls.__name__}: type= takes printable characters only, not {type_name!r}.")
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version < 2**15:
        raise InvalidEvent(f"{cls.__name__}: version= takes a whole number from 1 to 32767, not {version!r}.")

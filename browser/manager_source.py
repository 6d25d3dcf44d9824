"""What a process manager can say, as its source has it: read, never run."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from event_store import Cancel, Command, Complete, Deadline, ProcessManager, type_of

ENDS = {Complete: "completed", Cancel: "cancelled"}


@dataclass(frozen=True)
class Sayings:
    """
    Attributes:
        commands: their types.
        deadlines: their names; "" for one whose name is made up where it is set.
        ends: "cancelled", "completed".
    """

    commands: tuple[str, ...] = ()
    deadlines: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()


def sayings_of(manager: Any) -> Sayings:
    """What the classes and functions called in its own methods, and its bases', stand for; in the order of the source."""
    return _sayings(manager)


@cache
def _sayings(manager: Any) -> Sayings:
    commands: dict[str, None] = {}
    deadlines: dict[str, None] = {}
    ends: dict[str, None] = {}
    for module, call in _calls(manager):
        called = _resolved(call.func, module)
        if called is Deadline:
            deadlines[_name_of(call, module)] = None
        elif called is Complete or called is Cancel:
            ends[ENDS[called]] = None
        elif isinstance(called, type) and issubclass(called, Command):
            commands[type_of(called)] = None
    return Sayings(tuple(commands), tuple(deadlines), tuple(sorted(ends)))


def _calls(manager: type[Any]) -> Iterator[tuple[ModuleType, ast.Call]]:
    for each in manager.__mro__:
        module = sys.modules.get(each.__module__)
        if module is None or each is ProcessManager or not issubclass(each, ProcessManager):
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(each)))
        except (OSError, TypeError, SyntaxError):
            continue
        calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
        yield from ((module, call) for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)))


def _name_of(call: ast.Call, module: ModuleType) -> str:
    given = [*call.args[:1], *(each.value for each in call.keywords if each.arg == "name")]
    value = _resolved(given[0], module) if given else None
    return value if isinstance(value, str) else ""


def _resolved(node: ast.expr, module: ModuleType) -> Any:
    """What a name stands for in a module; None for what only running the code can tell."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return vars(module).get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _resolved(node.value, module)
        return vars(owner).get(node.attr) if isinstance(owner, (ModuleType, type)) else None
    return None

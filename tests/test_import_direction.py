"""Who may import whom in `event_store`, read from the source: downwards never, in a circle never."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A module may import from its own line and from the lines above.
LINES = [
    "exceptions",
    "messages events streams expected_version append_condition context identifiers",
    "codec code_version asynchronous upcasters signals",
    "models backends sql immutability horizon",
    "query query_arguments stream_query write_arguments handlers subscriber_registry durable subscribers store stores",
    "commands aggregates subscriptions",
    "projections processes personal_data declarations type_summaries stream_samples",
    "__init__ testing",
    "apps checks admin roles management middleware migrations",
]
LINE_OF = {module: number for number, line in enumerate(LINES) for module in line.split()}

VALUES = set(LINES[1].split())
PUBLIC = {"event_store", "event_store.models", "event_store.testing", "event_store.admin"}


@dataclass(frozen=True)
class Import:
    importer: str
    imported: str
    only_for_types: bool
    at_run_time: bool

    def __str__(self) -> str:
        return f"{self.importer} imports {self.imported}"


def imports_of(package: str) -> Iterator[Import]:
    for path in sorted((ROOT / package).rglob("*.py")):
        importer = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        yield from _imports(ast.parse(path.read_text()), importer)


def _imports(node: ast.AST, importer: str, *, types: bool = False, inside: bool = False) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        for imported in _imported(child):
            yield Import(importer, imported, types, inside)
        types_here = types or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test))
        inside_here = inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        yield from _imports(child, importer, types=types_here, inside=inside_here)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from (_module(node.module, alias.name) for alias in node.names)


def _module(package: str, name: str) -> str:
    # `from event_store import context` names a module, `from event_store import Event` a name of the package.
    path = ROOT.joinpath(*package.split("."), name)
    return f"{package}.{name}" if path.is_dir() or path.with_suffix(".py").is_file() else package


def part_of(module: str) -> str:
    """`processes` for `event_store.processes.runner`, `__init__` for `event_store` itself."""
    return [*module.split("."), "__init__"][1]


OWN = [each for each in imports_of("event_store") if each.imported.split(".")[0] == "event_store"]


def test_every_module_has_its_line() -> None:
    modules = {part_of(each.importer) for each in imports_of("event_store")}

    assert modules <= LINE_OF.keys()


def test_no_module_imports_from_a_line_below() -> None:
    upward = [each for each in OWN if LINE_OF[part_of(each.imported)] > LINE_OF[part_of(each.importer)]]

    assert [str(each) for each in upward] == []


def test_values_need_only_the_standard_library_and_msgspec() -> None:
    others = [
        each
        for each in imports_of("event_store")
        if part_of(each.importer) in VALUES
        and each.imported.split(".")[0] not in {*sys.stdlib_module_names, "msgspec", "event_store"}
        and not each.only_for_types
        and not each.at_run_time
    ]

    assert [str(each) for each in others] == []


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for each in OWN:
        if not each.only_for_types and not each.at_run_time and each.importer != each.imported:
            graph.setdefault(each.importer, set()).add(each.imported)

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


@pytest.mark.parametrize("package", ["browser", "catering"])
def test_the_packages_on_top_import_only_public_names(package: str) -> None:
    deeper = [
        each
        for each in imports_of(package)
        if each.imported.split(".")[0] == "event_store" and each.imported not in PUBLIC
    ]

    assert [str(each) for each in deeper] == []


@pytest.mark.parametrize(("package", "others"), [("event_store", {"browser", "catering"}), ("browser", {"catering"})])
def test_no_package_knows_the_ones_above_it(package: str, others: set[str]) -> None:
    known = [each for each in imports_of(package) if each.imported.split(".")[0] in others]

    assert [str(each) for each in known] == []

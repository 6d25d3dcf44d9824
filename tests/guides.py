"""The code of the README and the guides that runs: what stands behind `<!-- run -->`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUNNABLE = re.compile(r"<!-- run -->\n```python\n(.*?)```", re.DOTALL)


def runnable_blocks() -> Iterator[tuple[str, str]]:
    for path in DOCS:
        for number, code in enumerate(RUNNABLE.findall(path.read_text())):
            yield f"{path.name}-{number}", code


def code_of(document: str) -> str:
    """All of a document's code that runs."""
    return "".join(code for name, code in runnable_blocks() if name.startswith(f"{document}-"))


def load(code: str, monkeypatch: pytest.MonkeyPatch, *, name: str = "readme") -> ModuleType:
    """A module made of this code; one named `catering.…` belongs to that app, so that its classes need no `type=`."""
    module = ModuleType(name)
    # Data classes look their module up.
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(code, name, "exec"), vars(module))
    return module

"""The project's own files: what the wheel contains, what the README promises, where requirements come from."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent


def files_of(*packages: str) -> set[str]:
    paths = (path for package in packages for path in (ROOT / package).rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in paths if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return set(ZipFile(path).namelist())


def test_the_wheel_ships_both_packages_whole_and_nothing_else(wheel: set[str]) -> None:
    assert {name for name in wheel if ".dist-info/" not in name} == files_of("event_store", "browser")


@pytest.mark.parametrize(
    "file", ["event_store/py.typed", "browser/py.typed", "event_store/migrations/0001_initial.py", "browser/apps.py"]
)
def test_the_wheel_contains(wheel: set[str], file: str) -> None:
    assert file in wheel


@pytest.mark.parametrize("folder", ["browser/templates/browser/", "browser/static/browser/"])
def test_the_wheel_contains_the_pages(wheel: set[str], folder: str) -> None:
    assert any(name.startswith(folder) for name in wheel)


def test_the_commands_in_the_documents_exist_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    commands = {
        (document.name, command)
        for document in documents
        for command in re.findall(r"(?:^|`|    )make ([a-z]+)", document.read_text(), flags=re.MULTILINE)
    }

    assert {("README.md", "demo"), ("README.md", "test")} <= commands
    assert {command for _, command in commands} <= targets


def test_the_demo_says_what_to_do_when_its_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up_to_date = f"--old-file={sys.prefix}/project.installed"
        command = ["make", "--no-print-directory", up_to_date, "demo", f"VENV={sys.prefix}", f"PORT={port}"]
        demo = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert demo.returncode != 0
    assert demo.stdout == f"Port {port} is taken. Choose another one: make demo PORT={port + 1}\n"


def test_requirements_are_pinned_and_name_no_registry() -> None:
    text = (ROOT / "requirements" / "development.txt").read_text()
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]

    assert "://" not in text
    assert [line for line in lines if not re.match(r"[a-z0-9-]+==\S+", line)] == []

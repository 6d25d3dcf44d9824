"""
The strings of the pages and their translations. `make messages` brings the catalogues up to date with the strings.

What is new there has no translation yet: write it into browser/locale/<language>/LC_MESSAGES/django.po and run it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

PACKAGE = Path(__file__).parent.parent.parent / "browser"
Key: TypeAlias = tuple[str | None, str]
"""Context and string; of singular and plural the first."""
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}


def template() -> Catalog:
    """Every string of the package's modules and templates, without translations."""
    catalogue = Catalog(project="django-event-store", charset="utf-8", fuzzy=False)
    for path, source in _sources():
        for _line, words, _comments, context in extract("python", BytesIO(source.encode()), keywords=KEYWORDS):
            catalogue.add(words, context=context, locations=[(str(path.relative_to(PACKAGE)), 0)])
    return catalogue


def catalogue_of(language: str) -> Catalog:
    with _file(language, "po").open("rb") as file:
        return read_po(file, locale=language)


def compiled(language: str) -> Path:
    return _file(language, "mo")


def by_key(catalogue: Catalog) -> dict[Key, Message]:
    messages = [each for each in catalogue if each.id]
    return {(each.context, each.id if isinstance(each.id, str) else each.id[0]): each for each in messages}


def update(language: str) -> None:
    catalogue = catalogue_of(language)
    catalogue.update(template(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    with _file(language, "po").open("wb") as file:
        write_po(file, catalogue, width=120, omit_header=False, include_lineno=False, sort_by_file=True)
    with compiled(language).open("wb") as file:
        write_mo(file, catalogue)


def _sources() -> Iterator[tuple[Path, str]]:
    # Django has to be set up for it.
    from django.utils.translation.template import templatize

    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, path.read_text(encoding="utf-8")
    for path in sorted(PACKAGE.rglob("*.html")):
        yield path, templatize(path.read_text(encoding="utf-8"), origin=str(path))


def _file(language: str, ending: str) -> Path:
    return PACKAGE / "locale" / language / "LC_MESSAGES" / f"django.{ending}"


if __name__ == "__main__":
    import django

    django.setup()
    for each in sorted((PACKAGE / "locale").iterdir()):
        update(each.name)

"""SQL for PostgreSQL roles that have no more rights on the store than they need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

from django.apps import apps
from django.db import router

from event_store.backends.postgresql import FUNCTIONS

KINDS: Mapping[str, tuple[str, ...]] = {
    "web": ("begin", "web", "permissions", "proof"),
    "reader": ("begin", "reader", "permissions", "proof"),
    "operator": ("begin", "operator"),
}
"""The scripts that make each kind of role, in their order."""

_LONGEST_NAME = 63


def roles_sql(names: Mapping[str, str], *, using: str = "default") -> str:
    """
    One transaction that creates the roles, or brings those that are there to the rights of their kind.

    Args:
        names: the kind of each role ("web", "reader", "operator") and its name, 1..63 bytes.
        using: the alias of the database in DATABASES; nothing is asked of it.
    Raises:
        ValueError: a name that PostgreSQL does not take, or one for two kinds.
    """
    if len(set(names.values())) < len(names):
        raise ValueError("Each kind of role needs a name of its own.")
    scripts = [_role_sql(kind, name, using) for kind, name in names.items()]
    return "\n".join(["BEGIN;", *scripts, "COMMIT;"])


def _role_sql(kind: str, name: str, using: str) -> str:
    _check_name(name)
    permission_tables = _permission_tables(using)
    values = {
        # As psql writes its variables, so that each file is a script for psql too.
        ':"role"': _quoted(name),
        ":'role'": "'" + name.replace("'", "''") + "'",
        ":tables": _listed(model._meta.db_table for model in apps.get_app_config("event_store").get_models()),
        ":functions": _listed(FUNCTIONS),
        ":permission_tables": _listed(permission_tables),
    }
    scripts = [_script(each) for each in KINDS[kind] if permission_tables or each != "permissions"]
    # All at once: a name may contain what looks like a variable.
    return re.sub("|".join(map(re.escape, values)), lambda found: values[found[0]], "\n".join(scripts))


def _check_name(name: str) -> None:
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        length = 0
    if not 0 < length <= _LONGEST_NAME or "\0" in name:
        raise ValueError(f"{name!r} is no name for a role: it has 1 to {_LONGEST_NAME} bytes of text.")


def _permission_tables(using: str) -> list[str]:
    if not apps.is_installed("django.contrib.auth"):
        return []
    # Only where they are installed can they be imported.
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Group, Permission
    from django.contrib.contenttypes.models import ContentType

    # A project's own user class may have neither.
    of_users = [getattr(get_user_model(), name, None) for name in ("groups", "user_permissions")]
    models: list[Any] = [ContentType, Permission, Group, Group.permissions.through]
    models += [each.through for each in of_users if each is not None]
    return [model._meta.db_table for model in models if router.allow_migrate_model(using, model)]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(_quoted, names))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _script(name: str) -> str:
    return files("event_store.sql").joinpath(f"event_store_role_{name}.sql").read_text()

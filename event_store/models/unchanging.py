"""Rows that are never changed once they are stored."""

from __future__ import annotations

from typing import Any

from django.db import models


class UnchangingModel(models.Model):
    """
    The database refuses every UPDATE. A fixture may bring rows that are there already: they are left alone.

    So does Django's `serialized_rollback`, before the first test, with the events that migrations have published.
    """

    class Meta:
        abstract = True

    def _save_table(  # noqa: PLR0917 - the signature is Django's
        self,
        raw: bool = False,
        cls: Any = None,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Any = None,
    ) -> bool:
        # Django has no hook for it: loading calls Model.save_base, whatever a model defines.
        if raw and self._is_stored(using):
            return True
        saved: bool = super()._save_table(raw, cls, force_insert, force_update, using, update_fields)  # type: ignore[misc]
        return saved

    def _is_stored(self, using: str | None) -> bool:
        stored = type(self)._base_manager.using(using).filter(pk=self.pk).first()
        return stored is not None and all(
            getattr(stored, field.attname) == getattr(self, field.attname)
            for field in self._meta.concrete_fields
            # Django's JSON cuts them to milliseconds.
            if not isinstance(field, models.DateTimeField)
        )

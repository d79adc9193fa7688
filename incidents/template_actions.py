"""The verbs for prepared texts. One transaction each, page first, as in `actions`; none of them is public."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone
from django.utils.translation import gettext as _

from incidents import history
from incidents.choices import TEMPLATE_STATUSES, TemplateKind
from incidents.models import Component, IncidentTemplate, Page, TemplateComponent, TemplateEffect
from incidents.prepared import FIELDS, MAX_NOTE, Prepared, facts_for_audit, prepared_of
from incidents.shipped_templates import SHIPPED
from incidents.text import clean_body, clean_line
from incidents.values import NOTICE_TEXTS, Actor

NAME_LENGTH = 100


@transaction.atomic
def save_template(
    prepared: Prepared,
    *,
    actor: Actor,
    template: IncidentTemplate | None = None,
    position: int | None = None,
    is_in_use: bool = True,
    shipped_as: str = "",
    at: dt.datetime | None = None,
) -> IncidentTemplate:
    """Write what `prepared` holds into `template`, or into a new one, with all its rows.

    A new one comes last of its kind unless `position` says otherwise. Raises ValidationError, by field.
    """
    page = Page.objects.locked()
    at = at or timezone.now()
    prepared = _checked(prepared, template)
    before = {} if template is None else _facts(prepared_of(_fresh(template)))
    row = template or IncidentTemplate(created_at=at, shipped_as=shipped_as)
    for name in FIELDS:
        setattr(row, name, getattr(prepared, name))
    row.position = position if position is not None else row.position if template else _last_position(prepared.kind)
    row.is_in_use = is_in_use
    row.updated_at = at
    if template is None:
        row.save(force_insert=True)
    else:
        row.save(update_fields=[*FIELDS, "position", "is_in_use", "updated_at"])
    _write_rows(row, prepared)
    history.record(
        page,
        verb="add_template" if template is None else "change_template",
        actor=actor,
        subject=row.name,
        at=at,
        before=before,
        after=_facts(prepared_of(row)),
        public=False,
    )
    return row


def duplicate_template(template: IncidentTemplate, *, actor: Actor, at: dt.datetime | None = None) -> IncidentTemplate:
    """A copy under a name of its own, to be changed. It is not offered before somebody puts it in use."""
    with transaction.atomic():
        Page.objects.locked()
        prepared = prepared_of(_fresh(template))
        name = free_name(prepared.kind, _("%(name)s (copy)") % {"name": prepared.name[: NAME_LENGTH - 20]})
        return save_template(replace(prepared, name=name), actor=actor, is_in_use=False, at=at)


@transaction.atomic
def use_template(template: IncidentTemplate, is_in_use: bool, *, actor: Actor, at: dt.datetime | None = None) -> None:
    """Offer a template on the screens, or no longer."""
    page = Page.objects.locked()
    at = at or timezone.now()
    changed = IncidentTemplate.objects.filter(pk=template.pk, is_in_use=not is_in_use)
    if changed.update(is_in_use=is_in_use, updated_at=at):
        after = {"is_in_use": str(is_in_use)}
        history.record(
            page, verb="change_template", actor=actor, subject=template.name, at=at, after=after, public=False
        )


@transaction.atomic
def delete_template(template: IncidentTemplate, *, actor: Actor, at: dt.datetime | None = None) -> None:
    """Delete it for good; what it said stays in the audit. Notices that began with it keep their texts."""
    page = Page.objects.locked()
    before = _facts(prepared_of(_fresh(template)))
    IncidentTemplate.objects.filter(pk=template.pk).delete()
    history.record(
        page,
        verb="delete_template",
        actor=actor,
        subject=template.name,
        at=at or timezone.now(),
        before=before,
        public=False,
    )


def count_use(template_id: int) -> None:
    """A notice or an update that began with this template was published."""
    IncidentTemplate.objects.filter(pk=template_id).update(uses=F("uses") + 1)


@transaction.atomic
def install_shipped(*, actor: Actor, at: dt.datetime | None = None) -> list[IncidentTemplate]:
    """Add the texts that come with the product and are not there; those that are stay as staff left them."""
    Page.objects.locked()
    known = set(IncidentTemplate.objects.exclude(shipped_as="").values_list("shipped_as", flat=True))
    return [
        save_template(
            replace(prepared, name=free_name(prepared.kind, prepared.name)), actor=actor, shipped_as=key, at=at
        )
        for key, prepared in SHIPPED.items()
        if key not in known
    ]


def free_name(kind: str, wanted: str) -> str:
    """`wanted`, with a number behind it when there is a template of that name."""
    taken = set(IncidentTemplate.objects.filter(kind=kind).values_list("name", flat=True))
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted} {number}"
    return name


def _checked(prepared: Prepared, template: IncidentTemplate | None) -> Prepared:
    """The texts in the form in which they are kept."""
    problems: dict[str, list[str]] = {}
    texts: dict[str, str] = {}
    for name, limit in (("name", NAME_LENGTH), ("title", 200)):
        try:
            texts[name] = clean_line(getattr(prepared, name), limit=limit)
        except ValidationError as problem:
            problems[name] = problem.messages
    for name in ("body", *NOTICE_TEXTS):
        try:
            texts[name] = clean_body(getattr(prepared, name))
        except ValidationError as problem:
            problems[name] = problem.messages
    others = IncidentTemplate.objects.filter(kind=prepared.kind, name=texts.get("name", ""))
    if not texts.get("name", "x"):
        problems["name"] = [_("Give it a name by which colleagues find it.")]
    elif others.exclude(pk=template.pk if template else None).exists():
        problems["name"] = [_("There is a template of this name already.")]
    if prepared.status not in TEMPLATE_STATUSES[TemplateKind(prepared.kind)]:
        problems["status"] = [_("This status does not fit this kind of template.")]
    if problems:
        raise ValidationError(problems)
    return replace(prepared, **texts)


def _fresh(template: IncidentTemplate) -> IncidentTemplate:
    """The row as it is in the database: `template` may carry what a form has put into it."""
    fresh = IncidentTemplate.objects.filter(pk=template.pk).first()
    if fresh is None:
        raise ValidationError(_("This template was deleted meanwhile."))
    return fresh


def _last_position(kind: str) -> int:
    last = IncidentTemplate.objects.filter(kind=kind).aggregate(last=Max("position"))["last"]
    return (last or 0) + 1


def _write_rows(template: IncidentTemplate, prepared: Prepared) -> None:
    template.effects.all().delete()
    template.effects.bulk_create(
        TemplateEffect(
            template=template,
            function=clean_line(line.function),
            level=line.level,
            note=clean_line(line.note, limit=MAX_NOTE),
            position=position,
        )
        for position, line in enumerate(prepared.effects, start=1)
    )
    template.components.all().delete()
    known = _known(prepared.components)
    template.components.bulk_create(
        TemplateComponent(template=template, component_id=pk, status=prepared.components[pk]) for pk in known
    )


def _known(wanted: Iterable[int]) -> Sequence[int]:
    return list(Component.objects.public().filter(pk__in=wanted).values_list("pk", flat=True))


def _facts(prepared: Prepared) -> Mapping[str, str]:
    names = Component.objects.filter(pk__in=prepared.components).values_list("pk", "name")
    return facts_for_audit(prepared, dict(names))

"""The verbs for the page and its components. One transaction each, page first, as in `actions`."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from incidents import history
from incidents.brand import MAX_FOOTER, MAX_HEADER
from incidents.choices import ComponentStatus
from incidents.models import Component, Incident, IncidentComponent, Page, StatusChange
from incidents.rollup import BADNESS, worst_status
from incidents.text import render_markdown
from incidents.translations import PART_FIELDS, Texts, facts_of_translations, set_texts

# What the audit keeps of a new group or component.
ADDED = ["name", "description", "group", "position", "start_date", "only_show_if_degraded"]


@transaction.atomic
def set_component_status(
    component: Component, status: str, *, actor: AbstractBaseUser | None, at: dt.datetime | None = None
) -> None:
    """Set a component's own status, apart from what open notices say of it."""
    page = Page.objects.locked()
    at = at or timezone.now()
    before = Component.objects.values_list("status", flat=True).get(pk=component.pk)
    Component.objects.filter(pk=component.pk).update(status=ComponentStatus(status), updated_at=at)
    show_component_statuses(at=at)
    history.record(
        page,
        verb="set_component_status",
        actor=actor,
        subject=component.name,
        at=at,
        before={"status": before},
        after={"status": status},
    )


@transaction.atomic
def archive_component(component: Component, *, actor: AbstractBaseUser | None, at: dt.datetime | None = None) -> None:
    """Take a component off the page. Old notices keep its name; an open notice must let go of it first."""
    page = Page.objects.locked()
    at = at or timezone.now()
    if Incident.objects.public().open().filter(affected__component=component).exists():
        raise ValidationError(_("An open notice names this component: close that notice first."))
    Component.objects.filter(pk=component.pk).update(archived_at=at, updated_at=at)
    history.record(page, verb="archive_component", actor=actor, subject=component.name, at=at)


@transaction.atomic
def save_page_part(
    part: models.Model,
    *,
    actor: AbstractBaseUser | None,
    changed: list[str] | None = None,
    translations: Texts | None = None,
    at: dt.datetime | None = None,
) -> None:
    """Save the page, a group or a component as a form changed it (`changed`: the fields' names; None: a new row).

    `translations` are those of a group's or a component's name and description. Raises ValidationError for a page that
    readers could not read.
    """
    page = Page.objects.locked()
    at = at or timezone.now()
    before = {}
    if changed is not None:
        before = _facts(type(part)._default_manager.get(pk=part.pk), changed)
    part.updated_at = at  # type: ignore[attr-defined]
    if changed is None:
        part.created_at = at  # type: ignore[attr-defined]
        part.save(force_insert=True)
    else:
        part.save(update_fields=[*changed, *_made(part, changed), "updated_at"])
    if isinstance(part, Page):
        page.refresh_from_db()
    else:
        # Written beside the name as it is now, they are of it.
        set_texts(part, translations, fits=PART_FIELDS)  # type: ignore[arg-type]
    if isinstance(part, Component):
        show_component_statuses(at=at)
    history.record(
        page,
        verb="add" if changed is None else "change",
        actor=actor,
        subject=f"{part._meta.verbose_name}: {part}",
        at=at,
        before=before,
        after=_facts(part, ADDED if changed is None else changed),
    )


def _made(part: models.Model, changed: list[str]) -> list[str]:
    """Check the page, whoever wrote to it, and make its texts into HTML; the names of the fields that hold that."""
    if not isinstance(part, Page):
        return []
    part.clean_fields(exclude={field.name for field in part._meta.fields} - set(changed))
    part.clean()
    part.header_html = render_markdown(part.header_text, limit=MAX_HEADER)
    part.footer_html = render_markdown(part.footer_text, limit=MAX_FOOTER)
    return ["header_html", "footer_html"]


def _facts(part: models.Model, names: list[str]) -> dict[str, str]:
    values = {name: getattr(part, name, None) for name in names}
    facts = {name: str(value) for name, value in values.items() if value not in (None, "")}
    return facts if isinstance(part, Page) else facts | facts_of_translations(part)  # type: ignore[arg-type]


def show_component_statuses(*, at: dt.datetime, since: dt.datetime | None = None) -> None:
    """Write down what each component shows: the worst of its own status and what open notices say of it.

    `since` is when that became so, if it is told later than it was. The page is locked by the caller.
    """
    held: dict[int, list[str]] = {}
    lines = IncidentComponent.objects.filter(incident__in=Incident.objects.holding())
    for component_id, status in lines.values_list("component_id", "status"):
        held.setdefault(component_id, []).append(status)
    for component in Component.objects.select_for_update():
        shown = worst_status([component.status, *held.get(component.pk, [])])
        if shown == component.shown_status:
            continue
        Component.objects.filter(pk=component.pk).update(shown_status=shown, updated_at=at)
        _write_down(component, shown, since=since or at, at=at)


def note_past_status(component: Component, status: str, since: dt.datetime, until: dt.datetime) -> None:
    """Write down that `component` was at least as bad as `status` from `since` until `until`, which nobody said then.

    What was worse at a time stays; what it showed at `until` holds from there on. The page is locked by the caller.
    """
    changes = component.status_changes.order_by("at", "pk")
    before = changes.filter(at__lte=since).last()
    told = before.status if before else ComponentStatus.OPERATIONAL
    if worst_status([told, status]) != told:
        StatusChange.objects.create(component=component, status=status, at=since)
    for change in changes.filter(at__gt=since, at__lt=until):
        told = change.status
        change.status = worst_status([told, status])
        change.save(update_fields=["status"])
    if worst_status([told, status]) != told and not changes.filter(at=until).exists():
        StatusChange.objects.create(component=component, status=told, at=until)


def _write_down(component: Component, shown: str, *, since: dt.datetime, at: dt.datetime) -> None:
    """That `component` shows `shown`, and did so since `since` as far as nothing else was said meanwhile."""
    if not component.status_changes.filter(at__gt=since).exists():
        at = since
    elif BADNESS[shown] > BADNESS[component.shown_status]:
        note_past_status(component, shown, since, at)
    StatusChange.objects.create(component=component, status=shown, at=at)

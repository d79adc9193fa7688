"""Beginning a screen with a template: `?template=<id>`, a plain address that can be kept as a bookmark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from incidents.choices import TemplateKind
from incidents.forms.fields import id_or_none
from incidents.forms.placeholders import facts_about
from incidents.forms.starting import starting_values
from incidents.models import Incident, IncidentTemplate
from incidents.placeholders import is_known
from incidents.prepared import apply, gaps_of, prepared_of


@dataclass(frozen=True)
class Start:
    """What can be begun with, what was chosen of it, and the gaps that this leaves: ours to fill, and the author's."""

    templates: Sequence[IncidentTemplate] = ()
    chosen: IncidentTemplate | None = None
    values: dict[str, Any] = field(default_factory=dict)
    filled_later: Sequence[str] = ()
    asked_for: Sequence[str] = ()


def start_from(
    request: HttpRequest, kind: TemplateKind, *, notice: Incident | None = None, statuses: Iterable[str] = ()
) -> Start:
    """`statuses` are those that an update on this screen may carry; the empty one: also those that leave it open."""
    offered = IncidentTemplate.objects.in_use().filter(kind=kind).order_by("position", "pk")
    if kind == TemplateKind.UPDATE:
        offered = offered.filter(status__in=list(statuses))
    is_sent = request.method == "POST"
    asked = (request.POST if is_sent else request.GET).get("template", "")
    # What was sent is shown again with everything typed: nothing is offered then.
    templates = [] if is_sent else list(offered)
    chosen = offered.filter(pk=id_or_none(asked)).first()
    if chosen is None:
        if asked and not is_sent:
            messages.info(request, _("This template is no longer offered here. The form is as it always is."))
        return Start(templates)
    prepared = apply(prepared_of(chosen), facts_about(notice))
    left = gaps_of(prepared)
    return Start(
        templates,
        chosen,
        {**starting_values(prepared, timezone.now()), "template": str(chosen.pk)},
        filled_later=[gap for gap in left if is_known(gap)],
        asked_for=[gap for gap in left if not is_known(gap)],
    )

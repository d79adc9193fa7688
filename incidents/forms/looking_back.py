"""The forms for what is written afterwards: corrections, the post-mortem, and incidents that nobody posted in time."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from incidents.choices import ComponentStatus, DataStatement, EditKind, IncidentStatus
from incidents.forms.components import ComponentRows
from incidents.forms.compose import PUBLISH, ComposeForm, DetailsPart, Section, UpdatePart, seen_by_now
from incidents.forms.fields import LineField, MarkdownField
from incidents.forms.notices import ADVICE, EFFECTS_HINT, LINKS_HINT
from incidents.forms.wall_times import WallTimeField
from incidents.models import IncidentUpdate
from incidents.text import MAX_POSTMORTEM
from incidents.translations import Words, words_of
from incidents.values import UpdateText

# While the earlier text is fresh, whoever read it is to hear what was wrong with it.
FRESH = dt.timedelta(days=7)

# What readers look for in a review, as headings. One text, since it is read as one, and each of it may be left out.
SKELETON = (
    _("### What happened"),
    _("### What it meant for you"),
    _("### Why it happened"),
    _("### What we do so that it does not happen again"),
    _("### Our apology"),
)


class EditPart(ComposeForm):
    """A form on a published update, which it is given as `update`."""

    def __init__(self, *args: Any, update: IncidentUpdate, **kwargs: Any) -> None:
        self.update = update
        super().__init__(*args, **kwargs)

    def starting_values(self) -> dict[str, Any]:
        return super().starting_values() | seen_by_now(self.notice, self.update)

    def known_words(self) -> tuple[Words, ...]:
        return words_of(self.update)


class CorrectForm(EditPart):
    kind = forms.ChoiceField(
        label=_("What kind of change is it?"),
        choices=[
            (EditKind.CORRECTION, _("A correction: what it said was wrong, or misled readers")),
            (EditKind.TYPO, _("A slip of the pen: the meaning stays, and nobody is told")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Say whether this is a correction or a slip of the pen.")},
    )
    body = MarkdownField(label=_("Text"), rows=12, limit=MAX_POSTMORTEM)
    why = LineField(
        label=_("Why it changes"),
        required=False,
        limit=300,
        help_text=_("One sentence for customers, such as: We named the wrong region. It stands beside the update."),
    )
    notify = forms.BooleanField(
        label=_("Tell those who got the earlier text"),
        required=False,
        help_text=_("By mail, and only of a correction. Whoever has not got the update yet gets the new text instead."),
    )

    sections = (
        Section(_("The text"), ("body",), hint=_("The earlier text stays on the page, one click away.")),
        Section(_("What kind of change is it?"), ("kind", "why")),
        Section(_("Telling people"), ("notify",)),
    )

    def starting_values(self) -> dict[str, Any]:
        is_fresh = self.update.published_at is not None and self.now - self.update.published_at <= FRESH
        return super().starting_values() | {"body": self.update.body, "notify": self.update.notify and is_fresh}

    def clean(self) -> None:
        super().clean()
        if self.cleaned_data.get("kind") == EditKind.TYPO:
            self.cleaned_data["notify"] = False

    def differs_from(self, posted: IncidentUpdate) -> bool:
        return posted.body != self.cleaned_data["body"]


class RedactForm(EditPart):
    passage = forms.CharField(
        label=_("What must go"),
        strip=True,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60, "autocomplete": "off", "dir": "auto"}),
        help_text=_("Exactly as it stands in the text. It is replaced wherever it stands, also in earlier texts."),
    )
    why = LineField(
        label=_("Why"), required=False, limit=300, help_text=_("Shown to customers. Do not repeat it here.")
    )

    sections = (Section(_("What must go"), ("passage", "why")),)


class PostmortemForm(UpdatePart):
    body = MarkdownField(
        label=_("Text"),
        required=False,
        rows=28,
        limit=MAX_POSTMORTEM,
        help_text=_("The headings are a proposal: fill in, change, or remove them."),
    )
    next_update_by = None
    update_byline = LineField(
        label=_("Signed by"),
        required=False,
        limit=100,
        help_text=_("All who wrote it. Empty: the name of whoever wrote last."),
    )

    says_components = False
    sections = (
        Section(
            _("The post-mortem"),
            ("body", "update_byline"),
            hint=_(
                "Keep it as a draft as long as you write, alone or together. It gets a place of its own on the notice."
            ),
        ),
        Section(_("Telling people"), ("notify",)),
    )

    def starting_values(self) -> dict[str, Any]:
        values = {"body": "\n\n\n\n".join(str(heading) for heading in SKELETON)} | super().starting_values()
        if self.draft:
            values["update_byline"] = self.draft.byline
        return values

    def status(self) -> str:
        return IncidentStatus.POSTMORTEM

    def clean(self) -> None:
        super().clean()
        headings = {str(heading) for heading in SKELETON}
        written = [line for line in self.cleaned_data.get("body", "").splitlines() if line.strip() not in headings]
        if self.purpose == PUBLISH and "body" not in self.errors and not "".join(written).strip():
            self.add_error("body", _("There is nothing between the headings yet."))

    def all_clear(self) -> None:
        return None


class PastIncidentForm(DetailsPart):
    started_at = WallTimeField(label=_("Began"))
    ended_at = WallTimeField(label=_("Ended"))
    opening = MarkdownField(
        label=_("What was wrong"), rows=5, error_messages={"required": _("Write at least one sentence for customers.")}
    )
    closing = MarkdownField(
        label=_("How it ended"), rows=5, error_messages={"required": _("Write at least one sentence for customers.")}
    )
    data_outcome = forms.ChoiceField(
        label=_("Customers’ data, at the end"),
        required=False,
        choices=[
            *(choice for choice in DataStatement.choices if choice[0] != DataStatement.NONE_EXPECTED_LOST),
            ("", _("Say nothing of it")),
        ],
        widget=forms.RadioSelect,
    )
    data_statement = None
    notify = forms.BooleanField(
        label=_("Tell subscribers"),
        required=False,
        help_text=_("One mail, with how it ended. Usually nobody is told of what is long over."),
    )

    sections = (
        Section(_("What it was"), ("title",)),
        Section(_("When"), ("started_at", "ended_at"), is_in_pairs=True),
        Section(
            _("What customers should know"),
            ("opening", "closing"),
            hint=_("The first stands at the beginning, the second at the end; both say that they were posted later."),
        ),
        Section(
            _("Which components"),
            part="components",
            hint=_("How each was, from the beginning to the end. Its history will show it; nothing changes now."),
        ),
        Section(_("Effects"), part="effects", is_folded=True, hint=EFFECTS_HINT),
        Section(_("Customers’ data, at the end"), ("data_outcome",), is_folded=True),
        Section(_("Advice and reason"), (*ADVICE, "reason"), is_folded=True),
        Section(_("Links to other notices"), part="links", is_folded=True, hint=LINKS_HINT),
        Section(_("Advanced"), ("impact_override", "byline"), is_folded=True),
        Section(_("Telling people"), ("notify",)),
    )

    def add_rows(self, data: Any) -> None:
        super().add_rows(data)
        self.components = ComponentRows(data, is_past=True, use_required_attribute=False)

    def clean(self) -> None:
        super().clean()
        started_at, ended_at = (self.cleaned_data.get(name) for name in ("started_at", "ended_at"))
        if ended_at and ended_at > self.now:
            self.add_error("ended_at", _("This time has not come yet. What still lasts is opened as an incident."))
        elif started_at and ended_at and ended_at < started_at:
            self.add_error("ended_at", _("It cannot have ended before it began."))

    def texts(self) -> tuple[UpdateText, UpdateText]:
        """What was wrong, and how it ended."""
        data = self.cleaned_data
        opening = UpdateText(
            status=IncidentStatus.IDENTIFIED, body=data["opening"], components=self.components.chosen(), notify=False
        )
        closing = UpdateText(
            status=IncidentStatus.RESOLVED,
            body=data["closing"],
            components=dict.fromkeys(opening.components, ComponentStatus.OPERATIONAL),
            notify=data["notify"],
            form_id=None if self.is_rehearsal else data["form_id"],
        )
        return opening, closing

    def differs_from(self, posted: IncidentUpdate) -> bool:
        return posted.body != self.cleaned_data["closing"] or posted.incident.title != self.cleaned_data["title"]

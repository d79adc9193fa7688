"""What the composing screens have in common: one-time id, what was seen, local times, rows, errors of the verbs."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from incidents.choices import CLOSED, ComponentStatus, Impact
from incidents.forms.components import ComponentRows
from incidents.forms.fields import LineField, MarkdownField
from incidents.forms.lines import effect_rows, effects_of, link_rows, links_of
from incidents.forms.outcomes import OutcomeRows
from incidents.forms.placeholders import fill_in, refuse_gaps
from incidents.forms.tongues import add_fields, texts_of
from incidents.forms.wall_times import WallTimeField
from incidents.languages import name_of
from incidents.models import Incident, IncidentUpdate
from incidents.translations import NOTICE_FIELDS, UPDATE_FIELDS, Words, find, words_of
from incidents.values import NOTICE_TEXTS, NoticeDetails, UpdateText
from incidents.writing import BECAUSE_LIMIT

# A trial is a preview that the author also gets by mail; what returns is a form that could not be taken before.
PUBLISH, DRAFT, PREVIEW, TRIAL, RETURN = "publish", "draft", "preview", "trial", "return"
# Both keep a draft: one for a colleague to approve, one for the clock to publish.
SUBMIT, SCHEDULE = "submit", "schedule"
# Times on the page's own clock, whatever zone the notice is written in.
OF_THE_PAGE = ("publish_at",)

TRANSLATIONS_HINT = _("Readers get the original where this is left empty. It can be added later.")

# Customers are told often while an incident is young, and hourly when it lasts.
NEXT_UPDATE_IN, NEXT_UPDATE_LATER = dt.timedelta(minutes=20), dt.timedelta(minutes=60)
YOUNG = dt.timedelta(hours=2)


@dataclass(frozen=True)
class Section:
    """A stretch of a screen: some fields, then one of the form's parts. A folded one opens when it holds an error."""

    title: str
    names: tuple[str, ...] = ()
    part: str = ""
    is_folded: bool = False
    is_in_pairs: bool = False
    hint: str = ""
    language: str = ""  # a further one, that these fields are written in


LATER = Section(
    _("Publish later"),
    ("publish_at",),
    is_folded=True,
    hint=_(
        "Kept as a draft until then, and published by itself. If a colleague posts on this notice before, or closes "
        "it, it stays a draft and the first screen says so."
    ),
)


class ComposeForm(forms.Form):
    """A screen on which staff write. `notice` and `draft` are what it starts from, where there is one.

    `purpose` says what is asked for: to publish, to keep a draft, or to preview.
    """

    sections: tuple[Section, ...] = ()
    is_translated = True  # whether it asks for its texts in the further languages of the page

    form_id = forms.UUIDField(widget=forms.HiddenInput, required=False)
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)
    since = forms.CharField(widget=forms.HiddenInput, required=False)
    is_urgent = forms.BooleanField(
        label=_("It is urgent: publish it without a second person"),
        required=False,
        help_text=_("It is written down, and stays on the first screen until a colleague has looked at it."),
    )
    urgent_because = LineField(label=_("Why it cannot wait"), limit=BECAUSE_LIMIT, required=False)
    template = forms.CharField(widget=forms.HiddenInput, required=False)  # the one that the form began with
    left_over = forms.CharField(widget=forms.HiddenInput, required=False)  # gaps that the author was asked about

    def __init__(
        self,
        data: Any = None,
        *,
        page_zone: ZoneInfo,
        notice: Incident | None = None,
        draft: IncidentUpdate | None = None,
        purpose: str = "",
        now: dt.datetime | None = None,
        initial: dict[str, Any] | None = None,
        needs_review: bool = False,
    ) -> None:
        self.notice, self.draft, self.purpose = notice, draft, purpose
        self.prepared = set(initial or ())
        self.now = now or timezone.now()
        self.page_zone = page_zone
        self.effects: forms.BaseFormSet | None = None
        self.links: forms.BaseFormSet | None = None
        self.components: ComponentRows | None = None
        self.outcomes: OutcomeRows | None = None
        super().__init__(data, initial={**self.starting_values(), **(initial or {})}, use_required_attribute=False)
        if not needs_review:
            del self.fields["is_urgent"], self.fields["urgent_because"]
        first, *others = self.sections or (Section(""),)
        self.sections = (first, *self._translations(), *others)
        for name, field in self.fields.items():
            value = self.initial.get(name)
            if isinstance(field, WallTimeField) and isinstance(value, dt.datetime):
                self.initial[name] = field.shown(value, self.page_zone if name in OF_THE_PAGE else self.zone)
        self.add_rows(data)

    @property
    def zone(self) -> ZoneInfo:
        """The zone that times are typed in, before anything was typed."""
        return self.notice.zone if self.notice else self.page_zone

    def typed_zone(self) -> ZoneInfo | None:
        """The zone that the times just typed are meant in; None while it is not a valid one."""
        return self.zone

    def starting_values(self) -> dict[str, Any]:
        return {"form_id": uuid.uuid4(), **seen_by_now(self.notice, self.draft)}

    def add_rows(self, data: Any) -> None:
        """Hang the rows that this screen has (effects, links, components, outcomes) onto the form."""

    def known_words(self) -> tuple[Words, ...]:
        """The translations that there are of the texts on this form."""
        rows = filter(None, (self.notice, self.draft))
        return tuple(one for row in rows for one in words_of(row))

    def _translations(self) -> Iterator[Section]:
        """One for each further language, right below the main text: nothing in it is needed."""
        for language, names in add_fields(self, self.known_words()) if self.is_translated else ():
            title = _("In %(language)s") % {"language": name_of(language)}
            yield Section(title, names, is_folded=True, hint=TRANSLATIONS_HINT, language=language)

    def parts(self) -> list[Any]:
        parts = (self.effects, self.links, self.components, self.outcomes)
        return [part for part in parts if part is not None]

    def full_clean(self) -> None:
        super().full_clean()
        if self.is_bound:
            fill_in(self)
            if self.is_final:
                refuse_gaps(self)

    def is_valid(self) -> bool:
        # Each part is asked, so that all errors show at once.
        return all([super().is_valid(), *(part.is_valid() for part in self.parts())])

    def clean_form_id(self) -> uuid.UUID:
        return self.cleaned_data["form_id"] or uuid.uuid4()

    def clean_since(self) -> dt.datetime | None:
        try:
            return dt.datetime.fromisoformat(self.cleaned_data["since"])
        except ValueError:
            return None

    def clean(self) -> None:
        super().clean()
        if self.cleaned_data.get("is_urgent") and not self.cleaned_data.get("urgent_because", "x"):
            self.add_error("urgent_because", _("Say in one sentence why it cannot wait: your colleagues read it."))
        for name, field in self.fields.items():
            zone = self.page_zone if name in OF_THE_PAGE else self.typed_zone()
            value = self.cleaned_data.get(name)
            if not isinstance(field, WallTimeField) or value is None:
                continue
            try:
                self.cleaned_data[name] = field.settle(value, zone) if zone else None
            except ValidationError as problem:
                self.add_error(name, problem)

    def add_problem(self, problem: ValidationError) -> None:
        """Show what a verb refused, next to the field it names where this form has it."""
        if not hasattr(problem, "error_dict"):
            self.add_error(None, problem)
            return
        for name, errors in problem.error_dict.items():
            self.add_error(name if name in self.fields else None, errors)

    def renew(self, **values: Any) -> None:
        """Put new values into hidden fields, and keep everything typed."""
        self.data = self.data.copy()
        for name, value in values.items():
            self.data[name] = str(value)

    @property
    def is_rehearsal(self) -> bool:
        return self.purpose == PREVIEW

    @property
    def is_final(self) -> bool:
        """Whether the words are meant for customers as they stand, now or after a colleague's approval."""
        return self.purpose in (PUBLISH, SUBMIT, SCHEDULE)

    def why_urgent(self) -> str:
        """The reason to do without a second person; "" without one. A rehearsal has the best: nothing comes of it."""
        if self.is_rehearsal:
            return PREVIEW
        return self.cleaned_data.get("urgent_because", "") if self.cleaned_data.get("is_urgent") else ""

    def differs_from(self, posted: IncidentUpdate) -> bool:
        """Whether this form says anything else than what was `posted` with its one-time id."""
        return False

    def times(self) -> list[tuple[str, str]]:
        """Every time typed, as customers will read it."""
        # A field that was emptied still knows how its first value reads.
        given = [name for name, time in self.cleaned_data.items() if isinstance(time, dt.datetime)]
        fields = [self.fields[name] for name in given if name not in OF_THE_PAGE]
        fields = [field for field in fields if isinstance(field, WallTimeField)]
        return [(str(field.label), field.widget.reads_as) for field in fields if field.widget.reads_as]

    def wall_times(self) -> list[forms.BoundField]:
        return [self[name] for name, field in self.fields.items() if isinstance(field, WallTimeField)]

    def shown_sections(self) -> Iterator[tuple[Section, list[forms.BoundField], Any, bool]]:
        """Per section: its fields, its part, and whether it stands open: with an error or with words it does."""
        for section in self.sections:
            fields = [self[name] for name in section.names if name in self.fields]
            part = getattr(self, section.part) if section.part else None
            if not fields and part is None:
                continue
            has_errors = any(field.errors for field in fields) or (self.is_bound and part and not part.is_valid())
            is_prepared = not self.prepared.isdisjoint((*section.names, section.part))
            is_open = has_errors or is_prepared or self._holds_words(fields, part) or not section.is_folded
            yield section, fields, part, bool(is_open)

    def _holds_words(self, fields: list[forms.BoundField], part: Any) -> bool:
        """Whether something was typed here, now or in the draft that this is."""
        if self.is_bound and part and part.has_changed():
            return True
        if self.draft and isinstance(part, forms.BaseFormSet) and part.initial_form_count():
            return True
        if self.is_bound and any(field.name in self.changed_data for field in fields):
            return True
        # A time is shown in three parts, all of them empty where there is none.
        values = [field.value() for field in fields] if self.draft else []
        return any(any(value) if isinstance(value, tuple) else value for value in values)

    def problems(self) -> list[tuple[str, str, str]]:
        """Everything wrong, as (id of the control, its label, message): the list on top of a refused form."""
        found = [("", "", message) for message in self.non_field_errors()]
        forms_here = [self]
        for part in self.parts():
            if isinstance(part, forms.BaseFormSet):
                found += [("", "", message) for message in part.non_form_errors()]
                forms_here += part.forms
            else:
                forms_here.append(part)
        for form in forms_here:
            for name in sorted(form.errors, key=self._place):
                if name != forms.forms.NON_FIELD_ERRORS:
                    bound = form[name]
                    found += [(bound.id_for_label, str(bound.label), message) for message in bound.errors]
        return found

    def label_of(self, name: str) -> str:
        """What this screen calls a field, or one of its parts."""
        if name in self.fields:
            return str(self.fields[name].label)
        return next((str(section.title) for section in self.sections if section.part == name), "")

    def place_of(self, name: str) -> str:
        """The id of the control for a field, or of the first one of a part; "" where this screen has neither."""
        if name in self.fields:
            return self[name].id_for_label or f"{self[name].auto_id}_0"  # radio buttons: the first
        part = getattr(self, name, None) if any(section.part == name for section in self.sections) else None
        if not isinstance(part, forms.BaseFormSet) or not part.forms:
            return ""
        return next(iter(part.forms[0])).id_for_label

    def _place(self, name: str) -> int:
        """Where on the screen the field stands."""
        names = [shown for section in self.sections for shown in section.names]
        return names.index(name) if name in names else len(names)


class UpdatePart(ComposeForm):
    """The text, what it says of components, who is told, when the next one comes."""

    body = MarkdownField(label=_("Text"), required=False, rows=9)
    next_update_by = WallTimeField(
        label=_("Next update by"),
        required=False,
        help_text=_("Shown to customers, also when it has passed. Leave it empty to promise nothing."),
    )
    notify = forms.BooleanField(label=_("Tell subscribers"), required=False, initial=True)
    publish_at = WallTimeField(label=_("Publish at"), required=False)

    says_components = True  # a screen whose update closes the notice has nothing to ask about components

    def starting_values(self) -> dict[str, Any]:
        values = super().starting_values()
        if self.draft:
            values |= {"body": self.draft.body, "notify": self.draft.notify, "status": self.draft.status}
            promised = self.draft.next_update_by
            # A draft that lay for a while promises a time that has passed: suggest a new one.
            is_past = promised is not None and promised <= self.now
            values["next_update_by"] = self.next_update() if is_past else promised
            values["publish_at"] = self.draft.publish_at
        return values

    def add_rows(self, data: Any) -> None:
        super().add_rows(data)
        if not self.says_components:
            return
        drafted = dict(self.draft.affected.values_list("component_id", "new_status")) if self.draft else {}
        self.components = ComponentRows(
            data,
            initial={str(pk): status for pk, status in (drafted or self.initial.get("components", {})).items()},
            said=self._said(),
            is_planned=self.is_planned,
            use_required_attribute=False,
        )

    def next_update(self) -> dt.datetime:
        started_at = self.notice.started_at if self.notice else None
        return next_update_suggestion(self.now, started_at=started_at)

    def _said(self) -> dict[int, str]:
        return dict(self.notice.affected.values_list("component_id", "status")) if self.notice else {}

    @property
    def is_planned(self) -> bool:
        return False

    def status(self) -> str:
        return self.cleaned_data.get("status", "")

    def clean(self) -> None:
        super().clean()
        if self.is_final and not self.cleaned_data.get("body") and "body" not in self.errors:
            self.add_error("body", _("Write at least one sentence for customers."))
        next_update_by = self.cleaned_data.get("next_update_by")
        if self.status() in CLOSED:
            self.cleaned_data["next_update_by"] = None
        elif self.is_final and next_update_by and next_update_by <= self.now:
            self.add_error("next_update_by", _("This time has passed. Say when the next update comes."))
        self._check_plan()

    def _check_plan(self) -> None:
        if "publish_at" in self.errors or "publish_at" not in self.fields:
            return
        publish_at = self.cleaned_data.get("publish_at")
        if self.purpose == SCHEDULE and not publish_at:
            self.add_error("publish_at", _("Give a day and a time."))
        elif self.purpose in (SCHEDULE, SUBMIT, DRAFT) and publish_at and publish_at <= self.now:
            self.add_error("publish_at", _("This time has passed. Publish now, or choose a later one."))
        elif self.purpose == PUBLISH and publish_at and not (self.draft and self.draft.publish_at):
            self.add_error("publish_at", _("A later time is set here. Empty it to publish now."))

    def differs_from(self, posted: IncidentUpdate) -> bool:
        said = (posted.body, posted.status) != (self.cleaned_data["body"], self.status())
        words = words_of(posted)
        for language, texts in (texts_of(self, UPDATE_FIELDS) or {}).items():
            kept = {name: found.text for name in texts if (found := find(words, language, name))}
            said = said or kept != {name: text for name, text in texts.items() if text}
        return said or super().differs_from(posted)

    def update_text(self) -> UpdateText:
        data = self.cleaned_data
        components = self.components.chosen() if self.components else {}
        if self.status() in CLOSED:
            components = dict.fromkeys({**self._said(), **components}, ComponentStatus.OPERATIONAL)
        return UpdateText(
            status=self.status(),
            body=data["body"],
            components=components,
            notify=data["notify"],
            next_update_by=data.get("next_update_by"),
            # A rehearsal is no post: it neither uses up the form nor asks who was faster.
            form_id=None if self.is_rehearsal else data["form_id"],
            seen=None if self.is_rehearsal or self.notice is None else data["seen"] or 0,
            publish_at=None if self.is_rehearsal or self.purpose == PUBLISH else data.get("publish_at"),
            display_at=data.get("display_at"),
            byline=data.get("update_byline", ""),
            translations=texts_of(self, UPDATE_FIELDS),
        )


class DetailsPart(ComposeForm):
    """What a notice says apart from its updates."""

    title = LineField(label=_("Title"), help_text=_("What is wrong, or what will be done, in your customers' words."))
    data_statement = forms.ChoiceField(label=_("Customers’ data"), required=False, widget=forms.RadioSelect)
    reason = MarkdownField(
        label=_("Reason"), required=False, rows=3, help_text=_("Why, and how it makes things better. No blame.")
    )
    advice_before = MarkdownField(label=_("What to do before"), required=False, rows=3)
    advice_during = MarkdownField(label=_("What to do during it"), required=False, rows=3)
    advice_after = MarkdownField(label=_("What to do afterwards"), required=False, rows=3)
    byline = LineField(
        label=_("Signed by"), required=False, limit=100, help_text=_("Empty: the name of whoever writes it.")
    )
    impact_override = forms.ChoiceField(
        label=_("Impact"),
        required=False,
        choices=[("", _("Follows from the components")), *Impact.choices],
        help_text=_("Only where what the components say would mislead."),
    )

    data_choices: list[tuple[str, Any]] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "data_statement" in self.fields:
            self.fields["data_statement"].choices = [*self.data_choices, ("", _("Say nothing of it"))]

    def starting_values(self) -> dict[str, Any]:
        values = super().starting_values()
        if self.notice:
            copied = ("title", "data_statement", "byline", "impact_override", *NOTICE_TEXTS)
            values |= {name: getattr(self.notice, name) for name in copied}
        return values

    def add_rows(self, data: Any) -> None:
        super().add_rows(data)
        self.effects = effect_rows(self.notice, data, prepared=self.initial.get("effects", ()))
        self.links = link_rows(self.notice, data)

    def details(self) -> NoticeDetails:
        names = ("data_statement", "byline", "impact_override", *NOTICE_TEXTS)
        return NoticeDetails(
            **{name: self.cleaned_data[name] for name in names if name in self.fields},
            effects=effects_of(self.effects),
            links=links_of(self.links) if self.links else (),
            translations=texts_of(self, NOTICE_FIELDS),
        )


def seen_by_now(notice: Incident | None, draft: IncidentUpdate | None = None) -> dict[str, Any]:
    """What the author has before them: the newest published update, and how the notice and the draft stand."""
    if notice is None:
        return {}
    newest = notice.updates.public().order_by("published_at", "pk").last()
    stands = draft or notice
    return {"seen": newest.pk if newest else 0, "since": stands.updated_at.isoformat()}


def next_update_suggestion(
    now: dt.datetime, *, started_at: dt.datetime | None = None, after: dt.timedelta | None = None
) -> dt.datetime:
    """When to promise the next update: at a round time, 20 minutes ahead, an hour ahead after the first two hours.

    `after` is how far ahead instead.
    """
    is_young = started_at is None or now - started_at < YOUNG
    later = now + (after or (NEXT_UPDATE_IN if is_young else NEXT_UPDATE_LATER))
    over = dt.timedelta(minutes=later.minute % 5, seconds=later.second, microseconds=later.microsecond)
    return later - over + (dt.timedelta(minutes=5) if over else dt.timedelta())

"""What became of each effect that was announced: one row each, filled in with "as announced"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from incidents.choices import Turnout
from incidents.forms.fields import LineField
from incidents.models import Effect, EffectOutcome, Incident, IncidentUpdate
from incidents.values import EffectAnswer


class OutcomeRows(forms.Form):
    """A row for each of `effects`. `said` is what was said of some of them before, by their function."""

    def __init__(self, data: Any, *, effects: list[Effect], said: Mapping[str, EffectAnswer]) -> None:
        self.effects = effects
        super().__init__(data, prefix="outcomes", use_required_attribute=False)
        for place, effect in enumerate(effects):
            answer = said.get(effect.function, EffectAnswer(effect.function, Turnout.AS_ANNOUNCED))
            self.fields[f"turned_out_{place}"] = forms.ChoiceField(
                label=_("%(function)s: how it turned out") % {"function": effect.function},
                choices=Turnout.choices,
                initial=answer.turned_out,
            )
            self.fields[f"note_{place}"] = LineField(
                label=_("%(function)s: what happened instead") % {"function": effect.function},
                required=False,
                limit=300,
                initial=answer.note,
                widget=forms.TextInput(attrs={"placeholder": _("What happened instead")}),
            )

    def rows(self) -> Iterator[tuple[Effect, str, forms.BoundField, forms.BoundField]]:
        """Each effect, the name of the control that holds its function, and its two fields."""
        for place, effect in enumerate(self.effects):
            function = self.add_prefix(f"function_{place}")
            yield effect, function, self[f"turned_out_{place}"], self[f"note_{place}"]

    def clean(self) -> None:
        # A row answers for the function that stood before its author, which a colleague may have changed since.
        for place, effect in enumerate(self.effects):
            if self.data.get(self.add_prefix(f"function_{place}")) != effect.function:
                self.add_error(f"turned_out_{place}", _("This effect has changed meanwhile: look at it again."))

    def answers(self) -> list[EffectAnswer]:
        return [
            EffectAnswer(effect.function, self.cleaned_data[f"turned_out_{place}"], self.cleaned_data[f"note_{place}"])
            for place, effect in enumerate(self.effects)
        ]


def outcome_rows(notice: Incident, draft: IncidentUpdate | None, data: Any) -> OutcomeRows | None:
    """None for a notice that announced no effects."""
    effects = list(notice.effects.all())
    before = draft.effect_outcomes.all() if draft else EffectOutcome.objects.of(notice)
    said = {row.function: EffectAnswer(row.function, row.turned_out, row.note) for row in before}
    return OutcomeRows(data, effects=effects, said=said) if effects else None

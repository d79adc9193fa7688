"""What the public may see, as it is told in a further language: translated where staff have translated it.

What is not stays as it was written, and carries its language, so that pages can say so and screen readers pronounce it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from django.utils.html import format_html
from django.utils.safestring import mark_safe

from incidents.templatetags.public import lang
from incidents.translations import Words, find, line_field
from incidents.values import NOTICE_TEXTS
from publishing.state import (
    AffectedState,
    ComponentPast,
    ComponentState,
    EffectState,
    GroupState,
    LinkState,
    MonthState,
    NoticeState,
    PageState,
    PastNotice,
    RecentPostmortem,
    SiteState,
    TraceState,
    TurnoutState,
    UpdateState,
)

Titled = TypeVar("Titled", NoticeState, PastNotice, LinkState, TraceState, RecentPostmortem)
Line = TypeVar("Line", EffectState, TurnoutState)
Part = TypeVar("Part", ComponentState, GroupState)


def site_in(site: SiteState, language: str) -> SiteState:
    return replace(site, language=language)


def page_in(state: PageState, language: str) -> PageState:
    names = _names(state, language)
    return replace(
        state,
        language=language,
        components=tuple(_component(one, state, language, names) for one in state.components),
        archived=tuple(_component(one, state, language, names) for one in state.archived),
        groups=tuple(_group(one, state, language, names) for one in state.groups),
        notices=tuple(notice_in(one, state, language) for one in state.notices),
        recent=tuple(
            replace(day, notices=tuple(_past(one, state, language) for one in day.notices)) for day in state.recent
        ),
        postmortems=tuple(_titled(one, state, language) for one in state.postmortems),
        traces={code: tuple(_titled(one, state, language) for one in them) for code, them in state.traces.items()},
    )


def month_in(month: MonthState, site: SiteState, language: str) -> MonthState:
    return replace(month, notices=tuple(_past(one, site, language) for one in month.notices))


def component_in(component: ComponentState, site: SiteState, language: str) -> ComponentState:
    return _component(component, site, language, _names(site, language))


def past_in(past: ComponentPast, site: SiteState, language: str) -> ComponentPast:
    return replace(
        past,
        notices=tuple(notice_in(one, site, language) for one in past.notices),
        traces=tuple(_titled(one, site, language) for one in past.traces),
    )


def notice_in(notice: NoticeState, site: SiteState, language: str) -> NoticeState:
    names = _names(site, language)
    told = _titled(notice, site, language)
    changed: dict[str, Any] = {}
    outdated = _is_outdated(find(notice.translations, language, "title"), notice.title)
    texts_lang = ""
    # What differed from the plan was said, and translated, with one of the updates.
    said = [word for update in notice.updates for word in update.translations if word.field == "deviations"]
    for field in (*NOTICE_TEXTS, "deviations"):
        source = getattr(notice, field)
        found = [word for word in said if word.is_of(source)] if field == "deviations" else notice.translations
        words = find(found, language, field)
        if words and source:
            changed |= {field: words.text, f"{field}_html": words.html}
            outdated = outdated or not words.is_of(source)
        elif source:
            html = mark_safe(getattr(notice, f"{field}_html"))
            changed[f"{field}_html"] = format_html("<div{}>{}</div>", lang(site.original), html)
            texts_lang = site.original
    return replace(
        told,
        **changed,
        texts_lang=texts_lang,
        is_outdated=outdated,
        affected=_affected(notice.affected, names),
        effects=tuple(_line(one, notice, site, language, names) for one in notice.effects),
        turnouts=tuple(_line(one, notice, site, language, names) for one in notice.turnouts),
        links=tuple(_titled(one, site, language) for one in notice.links),
        updates=tuple(_update(one, site, language, names) for one in notice.updates),
    )


def _update(update: UpdateState, site: SiteState, language: str, names: dict[str, str]) -> UpdateState:
    words = find(update.translations, language, "body")
    told = replace(update, original_body=update.body, affected=_affected(update.affected, names))
    if not words or not update.body:
        return replace(told, lang=site.original if update.body else "")
    return replace(told, body=words.text, body_html=words.html, is_outdated=not words.is_of(update.body))


def _line(line: Line, notice: NoticeState, site: SiteState, language: str, names: dict[str, str]) -> Line:
    """A function is often called as a component is, and then so in the language too."""
    said = {word.field: word.text for word in notice.translations if word.language == language}
    function = said.get(line_field(line.function), names.get(line.function, ""))
    note = said.get(line_field(line.note), "")
    return replace(
        line,
        function=function or line.function,
        function_lang="" if function else site.original,
        note=note or line.note,
        note_lang="" if note else site.original,
    )


def _titled(one: Titled, site: SiteState, language: str) -> Titled:
    """A notice, or what names one, with its title in `language`."""
    words = find(one.translations, language, "title")
    return replace(one, title=words.text) if words else replace(one, title_lang=site.original)


def _past(notice: PastNotice, site: SiteState, language: str) -> PastNotice:
    told, words = _titled(notice, site, language), find(notice.translations, language, "body")
    if words:
        return replace(told, latest_html=words.html)
    return replace(told, latest_lang=site.original if notice.latest_html else "")


def _component(component: ComponentState, site: SiteState, language: str, names: dict[str, str]) -> ComponentState:
    group_name = names.get(component.group_name, component.group_name)
    return replace(_part(component, site, language, names), group_name=group_name)


def _group(group: GroupState, site: SiteState, language: str, names: dict[str, str]) -> GroupState:
    components = tuple(_component(one, site, language, names) for one in group.components)
    return replace(_part(group, site, language, names), components=components)


def _part(part: Part, site: SiteState, language: str, names: dict[str, str]) -> Part:
    words = find(part.translations, language, "description")
    is_current = words is not None and words.is_of(part.description)
    return replace(
        part,
        name=names.get(part.name, part.name),
        description=words.text if words and is_current else part.description,
        description_lang="" if is_current else site.original,
    )


def _affected(lines: tuple[AffectedState, ...], names: dict[str, str]) -> tuple[AffectedState, ...]:
    return tuple(
        replace(one, name=names.get(one.name, one.name), group_name=names.get(one.group_name, one.group_name))
        for one in lines
    )


def _names(site: SiteState, language: str) -> dict[str, str]:
    return {name: text for name, code, text in site.names if code == language}


def _is_outdated(words: Words | None, original: str) -> bool:
    return words is not None and not words.is_of(original)

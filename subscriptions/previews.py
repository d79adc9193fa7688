"""What subscribers would get of a draft, and how many of them."""

from __future__ import annotations

from django.db.models import Count
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from incidents.languages import name_of
from incidents.models import IncidentUpdate, Page, UpdateRevision
from incidents.rehearsal import PreviewPane
from subscriptions import wording
from subscriptions.choices import Channel, Purpose
from subscriptions.links import personal_url
from subscriptions.matching import concerned_by, to_be_corrected
from subscriptions.models import Notification, Subscriber
from subscriptions.tokens import CONFIRM, MANAGE, UNSUBSCRIBE

# How many hear of something on each channel, as (of one, of many).
TOLD_BY = {
    Channel.EMAIL: (
        gettext_noop("%(count)s subscriber will be told by e-mail."),
        gettext_noop("%(count)s subscribers will be told by e-mail."),
    ),
}

# Personal links lead nowhere in a preview: nobody is subscribed with this key.
NOBODY = "preview"


def panes(update: IncidentUpdate) -> list[PreviewPane]:
    """To be called inside a rehearsal that has just written `update`."""
    links = {purpose: personal_url(purpose, NOBODY) for purpose in (CONFIRM, MANAGE, UNSUBSCRIBE)}
    revision = update.revisions.last()
    if revision and not revision.notify:
        return [PreviewPane("line", _("Who will be told"), "line", _("Nobody will be told of this edit."))]
    page = Page.objects.current()
    subject, write = (revision, wording.write_correction) if revision else (update, wording.write_update)
    words = write(subject, links, language=page.language, time_zone="")
    others = {code: write(subject, links, language=code, time_zone="") for code in page.languages}
    text = _("Subject: %(subject)s") % {"subject": words.subject} + "\n\n" + words.text
    told = reach_of_correction(revision) if revision else reach(update)
    return [
        PreviewPane("line", _("Who will be told"), "line", told),
        PreviewPane("mail-html", _("Mail"), "html", words.html),
        *(
            PreviewPane(f"mail-{code}", _("Mail in %(language)s") % {"language": name_of(code)}, "html", told.html)
            for code, told in others.items()
        ),
        PreviewPane("mail-text", _("Mail as plain text"), "text", text),
    ]


def look() -> list[PreviewPane]:
    """A mail in the page's colours, with its footer."""
    links = {purpose: personal_url(purpose, NOBODY) for purpose in (CONFIRM, MANAGE, UNSUBSCRIBE)}
    notification = Notification(purpose=Purpose.CONFIRM)
    words = wording.write(notification, links, language=Page.objects.current().language, time_zone="")
    return [PreviewPane("mail-html", _("Mail"), "html", words.html)]


def correction_of(update: IncidentUpdate) -> UpdateRevision | None:
    """The correction that has just been rehearsed, if it is one that is told: only a published update has revisions."""
    revision = update.revisions.last()
    return revision if revision and revision.notify else None


def reach_of_correction(revision: UpdateRevision) -> str:
    count = to_be_corrected(revision).count()
    if not count:
        return _("Nobody will be told: nobody has got the earlier text by mail. Mails still to come have the new one.")
    return ngettext(
        "%(count)s subscriber who got the earlier text will be told by e-mail.",
        "%(count)s subscribers who got the earlier text will be told by e-mail.",
        count,
    ) % {"count": number_format(count, use_l10n=True, force_grouping=True)}


def reach(update: IncidentUpdate) -> str:
    """How many will hear of `update`, in a sentence for each channel; why nobody, if nobody."""
    if not update.notify:
        return _("Nobody will be told: this update is posted without telling subscribers.")
    per_channel = concerned_by(update).order_by("channel").values_list("channel").annotate(count=Count("pk"))
    told = [_told(channel, count) for channel, count in per_channel]
    if told:
        return " ".join(told)
    if Subscriber.objects.active().exists():
        return _("Nobody will be told: no subscriber has chosen what this notice affects.")
    return _("Nobody will be told: nobody has subscribed yet.")


def _told(channel: str, count: int) -> str:
    one, many = TOLD_BY[channel]
    return ngettext(one, many, count) % {"count": number_format(count, use_l10n=True, force_grouping=True)}

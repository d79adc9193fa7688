"""What has become of an act: which version readers see, and who is still to be told."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from incidents.models import IncidentUpdate, Page
from incidents.times import duration_words
from publishing.generation import live_manifest
from publishing.publish import last_failure
from subscriptions.matching import concerned_by
from subscriptions.watch import SILENCE, last_seen, updates_not_begun


@dataclass(frozen=True)
class PageNews:
    """`live` is the version that readers see; None: there is no page yet. `why` it is behind may be empty."""

    version: int
    live: int | None
    why: str

    @property
    def is_behind(self) -> bool:
        return self.live != self.version

    def words(self) -> str:
        if not self.is_behind:
            return _("The page shows it: version %(version)d is live.") % {"version": self.version}
        told = _("The page is behind: it shows version %(live)s, not %(version)d. %(why)s")
        why = self.why or _("The publisher brings it as soon as it runs.")
        return told % {"live": "–" if self.live is None else self.live, "version": self.version, "why": why}


@dataclass(frozen=True)
class MailNews:
    """How many subscribers are owed a mail about one update, and whether a worker of this host is there to send it."""

    owed: int
    has_worker: bool
    worker_seen: str

    def words(self) -> str:
        if not self.owed:
            return _("No mail is owed.")
        owed = ngettext("%(count)s mail is owed.", "%(count)s mails are owed.", self.owed)
        owed %= {"count": number_format(self.owed, use_l10n=True, force_grouping=True)}
        if self.has_worker:
            return f"{owed} {_('The worker runs and sends.')}"
        return f"{owed} {self.worker_seen} {_('Mail leaves when the worker runs: manage.py worker.')}"


def page_news() -> PageNews:
    live, failure = live_manifest(settings.SNAPSHOT_DIR), last_failure()
    version = Page.objects.current().version
    return PageNews(version, live.version if live else None, failure.why if failure else "")


def mail_news(update: IncidentUpdate) -> MailNews:
    is_owed = update.notify and updates_not_begun().filter(pk=update.pk).exists()
    seen, now = last_seen(), timezone.now()
    if seen is None:
        words = _("No worker was ever seen on this machine.")
    else:
        words = _("The worker was last seen on this machine %(time)s ago.") % {"time": duration_words(now - seen)}
    has_worker = seen is not None and now - seen < SILENCE
    return MailNews(concerned_by(update).count() if is_owed else 0, has_worker, words)


def as_json(news: PageNews | MailNews) -> dict[str, Any]:
    behind = {"is_behind": news.is_behind} if isinstance(news, PageNews) else {}
    return {**asdict(news), **behind, "words": news.words()}

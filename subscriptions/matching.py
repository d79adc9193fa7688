"""Whom an update concerns: the choices of subscribers against what a notice says."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from incidents.choices import CLOSED, IncidentStatus
from incidents.models import Incident, IncidentComponent, IncidentUpdate, UpdateComponent, UpdateRevision
from subscriptions.choices import DeliveryState, Purpose
from subscriptions.models import Delivery, Notification, Subscriber, SubscriberQuerySet

# Told, or about to be.
REACHED = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.SENT)

# Ids of components, each with the id of its group.
Components = dict[int, int | None]


def recipients_of(notification: Notification) -> SubscriberQuerySet:
    """To whom `notification`, an update, its correction or a reminder, is to be told."""
    if notification.purpose == Purpose.CORRECTION:
        return to_be_corrected(notification.revision)
    is_reminder = notification.purpose == Purpose.REMINDER
    return (to_be_reminded if is_reminder else concerned_by)(notification.update)


def concerned_by(update: IncidentUpdate) -> SubscriberQuerySet:
    """Every active subscriber who is to hear of `update`.

    Those who follow the notice; and those who chose what it concerns, want its kind, and want every update, if this
    one is no milestone. A closing update goes to whoever was told of the notice before, too, whatever they chose
    since: who heard of a start hears of the end.
    """
    course = _Course.up_to(update)
    wanted = _chose(course.components)
    if course.has_narrowed:
        wanted |= _was_told_before(update)
    wanted &= _wants_kind_of(update.incident)
    if not course.is_milestone:
        wanted &= Q(only_start_and_end=False) | _chose_any_of(course.new_components)
    wanted |= _follows(update.incident)
    if update.status in CLOSED:
        wanted |= _was_told_before(update)
    return Subscriber.objects.active().filter(wanted)


def interested_in(update: IncidentUpdate) -> SubscriberQuerySet:
    """Every active subscriber whom the notice of `update` concerns by what they chose, milestone or not."""
    wanted = _chose(_Course.up_to(update).components) & _wants_kind_of(update.incident)
    return Subscriber.objects.active().filter(wanted | _follows(update.incident))


def to_be_reminded(update: IncidentUpdate) -> SubscriberQuerySet:
    """Every active subscriber who is to be reminded of a maintenance, which stands as `update` says."""
    return interested_in(update).filter(hears_reminders=True)


def to_be_corrected(revision: UpdateRevision) -> SubscriberQuerySet:
    """Every active subscriber who got an earlier text of the update than the one that replaced `revision`.

    And those who follow its notice, if it was to be told at all. Not those to whom it is still on its way, by whatever
    tells it: they get the text that holds when it leaves. Nobody, when a later correction takes this one's place.
    """
    update = revision.update
    if update.revisions.filter(notify=True, pk__gt=revision.pk).exists():
        return Subscriber.objects.filter(pk__lt=0)  # not none(): of that the fan-out could make no statement
    told = Delivery.objects.filter(subscriber=OuterRef("pk"), notification__in=list(_telling(update)))
    was_told_earlier = told.filter(state=DeliveryState.SENT).filter(_is_earlier(revision))
    gets_this = told.filter(_is_on_its_way(revision) | Q(state=DeliveryState.SENT) & ~_is_earlier(revision))
    wanted = Q(Exists(was_told_earlier))
    fan_out = Notification.objects.filter(update=update, purpose=Purpose.UPDATE).first()
    if fan_out is not None:
        follows = _follows(update.incident)
        wanted |= follows if fan_out.fanned_out_at else follows & Q(pk__lte=fan_out.cursor)
    return Subscriber.objects.active().filter(wanted).exclude(Exists(gets_this))


def is_being_told(revision: UpdateRevision) -> bool:
    """Whether a sender holds mails that may have the text of `revision`, or an earlier one."""
    held = Delivery.objects.filter(notification__in=list(_telling(revision.update)), state=DeliveryState.SENDING)
    return held.filter(_is_earlier(revision)).exists()


def _telling(update: IncidentUpdate) -> QuerySet:
    """Whatever tells `update`: to all, to one to catch up, as a reminder, as a correction."""
    return Notification.objects.filter(update=update).values_list("pk", flat=True)


def _is_earlier(revision: UpdateRevision) -> Q:
    return Q(text_revision__isnull=True) | Q(text_revision__lt=revision.pk)


def _is_on_its_way(revision: UpdateRevision) -> Q:
    return Q(state=DeliveryState.QUEUED) | Q(state=DeliveryState.SENDING) & ~_is_earlier(revision)


@dataclass(frozen=True)
class _Course:
    """How a notice has come to an update, as subscribers were to be told."""

    update: IncidentUpdate
    components: Components  # that it names or has named: nobody is lost when it is said to concern others
    new_components: Components  # that this update is the first to name
    earlier: list[tuple[int, str]]  # the updates told before, and their statuses; oldest first
    has_narrowed: bool  # it concerned everybody when it began, and names some components now

    @classmethod
    def up_to(cls, update: IncidentUpdate) -> _Course:
        updates = update.incident.updates.public()
        before = Q(published_at__lt=update.published_at) | Q(published_at=update.published_at, pk__lt=update.pk)
        earlier = list(updates.filter(before, notify=True).order_by("published_at", "pk").values_list("pk", "status"))
        lines = UpdateComponent.objects.filter(Q(update=update) | Q(update__in=updates))
        named: dict[int, Components] = {}
        for update_id, component, group in lines.values_list("update", "component", "component__group"):
            named.setdefault(update_id, {})[component] = group
        stands = IncidentComponent.objects.filter(incident=update.incident_id)
        components: Components = dict(stands.values_list("component", "component__group"))
        for of_one in named.values():
            components |= of_one
        known = {component for update_id, _status in earlier for component in named.get(update_id, {})}
        return cls(
            update,
            components,
            {component: group for component, group in named.get(update.pk, {}).items() if component not in known},
            earlier,
            has_narrowed=bool(components) and bool(earlier) and earlier[0][0] not in named,
        )

    @property
    def is_milestone(self) -> bool:
        """Whether it is told to those, too, who want only the start and the end: the first, a reopening, the beginning
        of the work, moved times, and every end."""
        statuses = [status for _update, status in self.earlier]
        return (
            not statuses
            or statuses[-1] in CLOSED
            or (self.update.status == IncidentStatus.IN_PROGRESS and IncidentStatus.IN_PROGRESS not in statuses)
            or self.update.was_work_starts_at is not None
            or self.update.status in CLOSED
        )


def _chose(components: Components) -> Q:
    """Everything, or any of `components`; a notice that names none concerns everybody."""
    return Q(all_components=True) | _chose_any_of(components) if components else Q()


def _chose_any_of(components: Components) -> Q:
    groups = {group for group in components.values() if group}
    chosen_components = Subscriber.components.through.objects.filter(
        subscriber=OuterRef("pk"), component__in=list(components)
    )
    chosen_groups = Subscriber.groups.through.objects.filter(subscriber=OuterRef("pk"), componentgroup__in=list(groups))
    return Q(Exists(chosen_components)) | Q(Exists(chosen_groups))


def _wants_kind_of(incident: Incident) -> Q:
    return Q(hears_maintenance=True) if incident.is_scheduled else Q(hears_incidents=True)


def _follows(incident: Incident) -> Q:
    return Q(Exists(Subscriber.notices.through.objects.filter(subscriber=OuterRef("pk"), incident=incident)))


def _was_told_before(update: IncidentUpdate) -> Q:
    """Of the notice, by whatever told one of its other updates: to all, as a reminder, or to catch up."""
    others = update.incident.updates.exclude(pk=update.pk)
    to_many = Notification.objects.filter(update__in=others, subscriber=None).values_list("pk", flat=True)
    told = Delivery.objects.filter(subscriber=OuterRef("pk"), state__in=REACHED)
    caught_up = told.filter(
        notification__subscriber=OuterRef("pk"),
        notification__purpose=Purpose.CATCH_UP,
        notification__update__in=list(others.values_list("pk", flat=True)),
    )
    return Q(Exists(told.filter(notification__in=list(to_many)))) | Q(Exists(caught_up))

"""The ways to reach a subscriber.

A channel is a module with these functions:

`compose(notification, *, language, time_zone) -> message` makes once what all subscribers of one language and zone
get. It may read the database.

`prepare(message, delivery) -> parcel` puts in what only the subscriber of `delivery` (a ledger.Claimed) may see. It
reads no database, for it is called by many threads; raises DeliveryError where that subscriber cannot be told.

`destination(endpoint) -> str` names who takes parcels for that endpoint, such as a mail domain: what one of them cannot
take must not hold up the others.

`limits() -> Limits` says how much may go out.

`connect() -> connection` opens a way out, or raises ChannelDown. One thread has several and goes from one to the next.

- `connection.start(parcel, following=None)` hands over one parcel; `connection.finish()` returns the words with which
  the other side has taken responsibility for it. In between the thread is busy with other connections. Both raise
  DeliveryError. `following` is what is to go the same way next: a protocol that can do so may announce it at once. It
  is not handed over before its own start, which may never come; then the connection is closed.
- `connection.is_spent`: it has carried enough and is to be replaced.
- `connection.is_in_doubt`: the other side may have the parcel, but has not said so.
- `connection.abort()` ends the wait for an answer, from another thread: `finish` raises ConnectionLost.
- `connection.close()` ends it.
"""

from __future__ import annotations

from types import ModuleType

from subscriptions.channels import email
from subscriptions.choices import Channel

CHANNELS: dict[str, ModuleType] = {Channel.EMAIL: email}

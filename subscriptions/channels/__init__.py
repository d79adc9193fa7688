"""The ways to reach a subscriber.

A channel is a module with two functions:

`compose(notification, *, language, time_zone) -> message` makes once what all subscribers of one language and zone
get.

`connect() -> connection` opens a way out, or raises ChannelDown. `connection.send(message, delivery)` puts in what only
this subscriber may see, hands the message over and returns when the other side has taken responsibility for it. It
raises DeliveryError otherwise. `connection.close()` ends it.
"""

from __future__ import annotations

from types import ModuleType

from subscriptions.channels import email
from subscriptions.choices import Channel

CHANNELS: dict[str, ModuleType] = {Channel.EMAIL: email}

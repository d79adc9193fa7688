"""What may go wrong with one message, sorted by what there is to do."""

from __future__ import annotations


class DeliveryError(Exception):
    """This message was not taken. A permanent one is never tried again. Its text is the other side's own words."""

    def __init__(self, words: str, *, permanent: bool = False) -> None:
        super().__init__(words)
        self.permanent = permanent


class RecipientRefused(DeliveryError):
    """Refused for good, and the words blame the recipient's address.

    A code without details is no more than that: servers that refuse all of us use the same ones.
    """

    def __init__(self, words: str, *, is_certain: bool = True) -> None:
        super().__init__(words, permanent=True)
        self.is_certain = is_certain


class PolicyRefusal(DeliveryError):
    """Refused for good, but the words do not blame the recipient: if nobody else is taken either, all of us are."""


class ConnectionLost(DeliveryError):
    """The other side is gone. Whether it took this message is unknown; the next ones need a new connection."""


class ChannelDown(DeliveryError):
    """Nobody can be reached, or all of us are refused (`permanent`). Says nothing about any recipient."""

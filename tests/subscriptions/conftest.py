from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from incidents.signals import page_changed
from publishing.receivers import publish_after_change
from subscriptions import senders
from subscriptions.tokens import make_token
from tests.make import make_subscriber


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server hangs here but where a test says so: it may be this process that a busy machine holds up."""
    monkeypatch.setattr(senders, "PATIENCE", senders.FOREVER)


@pytest.fixture
def token_path() -> Callable[[str], str]:
    """The path of a link of an active subscriber, by its purpose; what is a path already stays one."""

    def path(purpose: str) -> str:
        if purpose.startswith("/"):
            return purpose
        return f"/subscribe/{purpose}/{make_token(make_subscriber(), purpose)}"

    return path


@pytest.fixture
def without_snapshot() -> Iterator[None]:
    """Files are not published: they know nothing of mail, and would cost each of many updates a second."""
    page_changed.disconnect(dispatch_uid="publish_after_change")
    yield
    page_changed.connect(publish_after_change, dispatch_uid="publish_after_change")

"""Mails that come back, as relays, mailbox providers and people on holiday write them."""

from __future__ import annotations

from textwrap import dedent


def bounce(
    to: str,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    diagnosis: str = "smtp; 550 5.1.1 <ann@example.com>: Recipient address rejected: User unknown",
    returned_id: str = "<other@elsewhere.example>",
    headers_only: bool = False,
) -> bytes:
    """A delivery report as Postfix writes it (RFC 3464)."""
    kind = "text/rfc822-headers" if headers_only else "message/rfc822"
    return _wire(f"""\
        Return-Path: <>
        From: MAILER-DAEMON@relay.example (Mail Delivery System)
        To: {to}
        Subject: Undelivered Mail Returned to Sender
        Auto-Submitted: auto-replied
        MIME-Version: 1.0
        Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

        --b1
        Content-Type: text/plain; charset=us-ascii

        I'm sorry to have to inform you that your message could not be delivered.

        --b1
        Content-Type: message/delivery-status

        Reporting-MTA: dns; relay.example
        Arrival-Date: Sat,  9 Nov 2013 20:00:00 +0000 (UTC)

        Final-Recipient: rfc822; ann@example.com
        Original-Recipient: rfc822;ann@example.com
        Action: {action}
        Status: {status}
        Remote-MTA: dns; mx.example.com
        Diagnostic-Code: {diagnosis}

        --b1
        Content-Type: {kind}

        From: Copernica status <status@example.com>
        To: ann@example.com
        Subject: [Scheduled] Work on the power feeds
        Message-ID: {returned_id}

        The notice.

        --b1--
        """)


def complaint(to: str, *, kind: str = "abuse", returned_id: str = "<other@elsewhere.example>") -> bytes:
    """A feedback loop's report (RFC 5965)."""
    return _wire(f"""\
        From: feedback@provider.example
        To: {to}
        Subject: FW: [Scheduled] Work on the power feeds
        MIME-Version: 1.0
        Content-Type: multipart/report; report-type=feedback-report; boundary="b2"

        --b2
        Content-Type: text/plain

        This is an email abuse report.

        --b2
        Content-Type: message/feedback-report

        Feedback-Type: {kind}
        User-Agent: Provider/1.0
        Version: 1

        --b2
        Content-Type: message/rfc822

        From: status@example.com
        To: undisclosed
        Message-ID: {returned_id}

        The notice.

        --b2--
        """)


def qmail_bounce(to: str) -> bytes:
    """A bounce from before there was a format."""
    return _wire(f"""\
        Return-Path: <>
        From: MAILER-DAEMON@mx.example.com
        To: {to}
        Subject: failure notice

        Hi. This is the qmail-send program at mx.example.com.
        I'm afraid I wasn't able to deliver your message to the following addresses.
        This is a permanent error; I've given up. Sorry it didn't work out.

        <ann@example.com>:
        Sorry, no mailbox here by that name. (#5.1.1)

        --- Below this line is a copy of the message.

        Return-Path: <status@example.com>
        """)


def holiday(to: str) -> bytes:
    return _wire(f"""\
        From: ann@example.com
        To: {to}
        Subject: Out of office
        Auto-Submitted: auto-replied (vacation)

        I am back on Monday. My mailbox is full of plans: 550 of them.
        """)


def letter(to: str) -> bytes:
    return _wire(f"""\
        From: ann@example.com
        To: {to}
        Subject: A question
        Content-Type: text/plain; charset=x-unheard-of

        Will links in last week's mailing work on Saturday?
        """)


def _wire(text: str) -> bytes:
    return dedent(text).replace("\n", "\r\n").encode()

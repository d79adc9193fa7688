"""Filling in a composing screen as a browser does: everything it shows is sent back, with what staff typed."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from django.test import Client
from django.urls import reverse

from incidents.models import Incident, IncidentUpdate


class FormReader(HTMLParser):
    """The names and values that a browser would send of the form with the id "compose"."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.inside = False
        self.in_template = False
        self.textarea = self.select = ""
        self.acts: list[str] = []

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self.inside = a.get("id") == "compose"
        self.in_template = self.in_template or tag == "template"
        if not self.inside or self.in_template:
            return
        name = a.get("name", "")
        if tag == "button":
            if "name" not in a or "hidden" in a:
                return
            self.acts.append(a["value"])
        elif tag == "textarea":
            self.textarea = name
            self.values[name] = ""
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and ("selected" in a or self.select not in self.values):
            self.values[self.select] = a.get("value", "")
        elif tag == "input" and (a.get("type") not in ("radio", "checkbox") or "checked" in a):
            default = "on" if a.get("type") in ("radio", "checkbox") else ""
            self.values[name] = a.get("value", default)

    def handle_endtag(self, tag):
        if tag == "template":
            self.in_template = False
        elif tag == "textarea":
            self.textarea = ""
        elif tag == "select":
            self.select = ""
        elif tag == "form":
            self.inside = False

    def handle_data(self, data):
        if self.textarea:
            self.values[self.textarea] += data.removeprefix("\n") if not self.values[self.textarea] else data


def read_form(response) -> FormReader:
    reader = FormReader()
    reader.feed(response.content.decode())
    return reader


def screen(name: str, *args: Any) -> str:
    return reverse(f"admin:incidents_{name}", args=args)


def at(name: str, day: str, time: str, which: str = "") -> dict[str, str]:
    """What the field `name` sends for a day and a time."""
    return {f"{name}_date": day, f"{name}_time": time, f"{name}_which": which}


def fill(client: Client, url: str, **values: Any) -> dict[str, str]:
    """What the form at `url` sends when `values` are typed into it; None unchecks or leaves out."""
    sent = read_form(client.get(url)).values | {name: value for name, value in values.items() if value is not None}
    return {name: value for name, value in sent.items() if values.get(name, "") is not None}


def publish(client: Client, url: str, **values: Any):
    return client.post(url, {**fill(client, url, **values), "act": "publish"})


def save_draft(client: Client, url: str, **values: Any):
    return client.post(url, {**fill(client, url, **values), "act": "draft"})


def preview(client: Client, url: str, **values: Any):
    return client.post(f"{url}preview/", {**fill(client, url, **values), "act": "preview"})


def errors(response) -> dict[str, list[str]]:
    """What the form was refused for, by field."""
    return {name: list(messages) for name, messages in response.context["form"].errors.items()}


def newest(notice: Incident) -> IncidentUpdate:
    return notice.updates.order_by("-pk").first()

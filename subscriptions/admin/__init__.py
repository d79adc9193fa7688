"""Subscribers and what became of each mail, in the admin. Importing this package registers them."""

from __future__ import annotations

from subscriptions.admin import deliveries, notifications, staff, subscribers

__all__ = ["deliveries", "notifications", "staff", "subscribers"]

"""The school's services, each a folder: ``configure`` registers it with its hooks."""

from __future__ import annotations

from ..core.application import Application
from ..hooks.selection import selection
from . import (
    audit_log,
    blocks,
    class_enrollments,
    class_teachers,
    classes,
    conversations,
    deliveries,
    erasures,
    exports,
    inbox,
    legal_holds,
    members,
    message_edits,
    messages,
    notification_preferences,
    oversight,
    password_resets,
    reactions,
    reports,
    retention,
    scheduled_messages,
    schools,
    search,
    sessions,
    sync,
    users,
    warnings,
)


def services(app: Application) -> None:
    app.configure(selection)
    for service in (
        schools,
        users,
        classes,
        class_teachers,
        class_enrollments,
        conversations,
        members,
        messages,
        message_edits,
        reactions,
        inbox,
        sync,
        deliveries,
        search,
        audit_log,
        oversight,
        reports,
        warnings,
        blocks,
        scheduled_messages,
        notification_preferences,
        erasures,
        exports,
        legal_holds,
        retention,
        sessions,
        password_resets,
    ):
        service.configure(app)

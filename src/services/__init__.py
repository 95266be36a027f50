"""The school's services, each a folder: ``configure`` registers it with its hooks."""

from __future__ import annotations

from ..core.application import Application
from ..hooks.selection import selection
from . import (
    class_enrollments,
    class_teachers,
    classes,
    conversations,
    members,
    messages,
    password_resets,
    schools,
    sessions,
    users,
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
        sessions,
        password_resets,
    ):
        service.configure(app)

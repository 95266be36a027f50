"""The records of a school, as Beanie documents; one noun a file."""

from __future__ import annotations

from .class_enrollment import ClassEnrollment
from .class_teacher import ClassTeacher
from .conversation import Conversation
from .login_session import LoginSession
from .member import Member
from .message import Message
from .password_reset import PasswordReset
from .school import School
from .school_class import SchoolClass
from .user import User

MODELS = (
    School,
    User,
    SchoolClass,
    ClassTeacher,
    ClassEnrollment,
    Conversation,
    Member,
    Message,
    LoginSession,
    PasswordReset,
)

__all__ = [
    "MODELS",
    "ClassEnrollment",
    "ClassTeacher",
    "Conversation",
    "LoginSession",
    "Member",
    "Message",
    "PasswordReset",
    "School",
    "SchoolClass",
    "User",
]

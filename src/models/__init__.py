"""The records of a school, as Beanie documents; one noun a file."""

from __future__ import annotations

from .class_enrollment import ClassEnrollment
from .class_teacher import ClassTeacher
from .conversation import Conversation
from .delivery import Delivery
from .login_session import LoginSession
from .member import Member
from .message import Message
from .message_edit import MessageEdit
from .password_reset import PasswordReset
from .reaction import Reaction
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
    MessageEdit,
    Reaction,
    Delivery,
    LoginSession,
    PasswordReset,
)

__all__ = [
    "MODELS",
    "ClassEnrollment",
    "ClassTeacher",
    "Conversation",
    "Delivery",
    "LoginSession",
    "Member",
    "Message",
    "MessageEdit",
    "PasswordReset",
    "Reaction",
    "School",
    "SchoolClass",
    "User",
]

"""The records of a school, as Beanie documents; one noun a file."""

from __future__ import annotations

from .class_enrollment import ClassEnrollment
from .class_teacher import ClassTeacher
from .conversation import Conversation
from .member import Member
from .message import Message
from .school import School
from .school_class import SchoolClass
from .user import User

MODELS = (School, User, SchoolClass, ClassTeacher, ClassEnrollment, Conversation, Member, Message)

__all__ = [
    "MODELS",
    "ClassEnrollment",
    "ClassTeacher",
    "Conversation",
    "Member",
    "Message",
    "School",
    "SchoolClass",
    "User",
]

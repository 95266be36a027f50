"""The records of a school, as Beanie documents; one noun a file."""

from __future__ import annotations

from .alert import Alert
from .analytics import Analytics
from .attachment import Attachment, StorageUse
from .audit_entry import AuditEntry, AuditHead
from .block import Block
from .class_enrollment import ClassEnrollment
from .class_teacher import ClassTeacher
from .conduct_warning import ConductWarning
from .conversation import Conversation
from .delivery import Delivery
from .device import Device
from .encryption_key import EncryptionKey
from .erasure import Erasure
from .export import Export, ExportPiece
from .lease import Lease
from .legal_hold import LegalHold
from .login_session import LoginSession
from .member import Member
from .message import Message
from .message_edit import MessageEdit
from .notification_preference import NotificationPreference
from .password_reset import PasswordReset
from .push_notice import PushNotice
from .reaction import Reaction
from .report import Report
from .scheduled_message import ScheduledMessage
from .school import School
from .school_class import SchoolClass
from .task import OwedTask
from .team import Team
from .team_member import TeamMember
from .user import User

MODELS = (
    Device,
    PushNotice,
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
    AuditEntry,
    AuditHead,
    LoginSession,
    PasswordReset,
    Report,
    ConductWarning,
    Block,
    LegalHold,
    Lease,
    Export,
    ExportPiece,
    Erasure,
    OwedTask,
    ScheduledMessage,
    NotificationPreference,
    Team,
    TeamMember,
    Alert,
    Analytics,
    EncryptionKey,
    Attachment,
    StorageUse,
)

__all__ = [
    "MODELS",
    "Alert",
    "Analytics",
    "Attachment",
    "AuditEntry",
    "AuditHead",
    "Block",
    "ClassEnrollment",
    "ClassTeacher",
    "ConductWarning",
    "Conversation",
    "Delivery",
    "Device",
    "EncryptionKey",
    "Erasure",
    "Export",
    "ExportPiece",
    "Lease",
    "LegalHold",
    "LoginSession",
    "Member",
    "Message",
    "MessageEdit",
    "NotificationPreference",
    "OwedTask",
    "PasswordReset",
    "PushNotice",
    "Reaction",
    "Report",
    "ScheduledMessage",
    "School",
    "SchoolClass",
    "StorageUse",
    "Team",
    "TeamMember",
    "User",
]

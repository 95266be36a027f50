"""A database that an older version has written is completed before anything reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo import ASCENDING, TEXT, AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from stonechat.core.passwords import hash_password
from stonechat.models import MODELS, Conversation, Member, Message
from stonechat.models.recount import Mismatch, mismatches
from tests.support.school import School, serve_school, test_settings

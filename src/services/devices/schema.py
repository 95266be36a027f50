from __future__ import annotations

from marshmallow import Schema, fields

from ...core.schema import Id, choice, moment, text
from ...models.device import PLATFORMS, PROVIDERS


class Keys(Schema):
    p256dh = text(200, required=True)
    auth = text(100, required=True)


class DeviceData(Schema):
    """``token`` is what the provider knows the device by; for ``web`` the endpoint of a subscription.

    ``keys`` are that subscription's, and are needed for ``web`` only.
    """

    provider = choice(PROVIDERS, required=True)
    token = text(4096, required=True)
    keys = fields.Nested(Keys)
    platform = choice(PLATFORMS)


class DeviceQuery(Schema):
    _id = Id()
    provider = choice(PROVIDERS)
    platform = choice(PLATFORMS)
    seenAt = moment()
    createdAt = moment()
    token = fields.String(dump_only=True)
    userId = Id(dump_only=True)
    schoolId = Id(dump_only=True)


class DeviceResult(DeviceQuery):
    """Of the ``token`` the end is shown. ``seenAt`` is when the device last registered."""

    platform = choice(PLATFORMS, allow_none=True)


class Nothing(Schema):
    pass


class Offer(Schema):
    """The ``providers`` that devices may register with.

    A page subscribes with ``publicKey`` as its ``applicationServerKey``; None where the web is not offered.
    """

    providers = fields.List(choice(PROVIDERS), required=True)
    publicKey = fields.String(required=True, allow_none=True)

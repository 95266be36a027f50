"""The names of the school's socket events; `messages created` and its like belong to the services."""

from enum import StrEnum


class ClientEvent(StrEnum):
    MESSAGE_SEND = "message:send"
    MESSAGE_DELIVERED = "message:delivered"
    MESSAGE_READ = "message:read"
    TYPING_START = "typing:start"
    TYPING_STOP = "typing:stop"
    PRESENCE_GET = "presence:get"
    PRESENCE_SET = "presence:set"
    PRESENCE_SUBSCRIBE = "presence:subscribe"
    PRESENCE_UNSUBSCRIBE = "presence:unsubscribe"
    SYNC = "sync"


class ServerEvent(StrEnum):
    CONNECTED = "connected"
    MESSAGE_DELIVERED = "message:delivered"
    MESSAGE_READ = "message:read"
    MESSAGE_NOTIFY = "message:notify"
    TYPING_START = "typing:start"
    TYPING_STOP = "typing:stop"
    USER_ONLINE = "user:online"
    USER_OFFLINE = "user:offline"
    PRESENCE_CHANGES = "presence:changes"
    RESYNC = "resync"

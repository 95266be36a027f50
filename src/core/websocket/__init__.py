"""The server's websockets: ASGI's until somebody takes one over, then leaner ones.

An ASGI message costs a queue, two wake-ups and a pause of the transport, and a task that waits for it
costs more memory than all else of a connection. Whoever finds a ``Direct`` in the scope's extensions may
take the socket over and let the ASGI application return: a ``LiveSocket`` remains.
"""

from .frames import text_frame
from .handshake import HandshakeError
from .live import GOODBYE_SECONDS, Listener, LiveSocket
from .protocol import DENIAL, DIRECT, Direct, WebSocketProtocol

__all__ = [
    "DENIAL",
    "DIRECT",
    "GOODBYE_SECONDS",
    "Direct",
    "HandshakeError",
    "Listener",
    "LiveSocket",
    "WebSocketProtocol",
    "text_frame",
]

from typing import NamedTuple

class PureError(LookupError): ...

class PureMagicWithConfidence(NamedTuple):
    mime_type: str
    confidence: float

def magic_string(string: bytes, filename: str | None = None) -> list[PureMagicWithConfidence]: ...

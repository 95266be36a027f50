"""Pictures made anew from their pixels: what else was in the file stays behind. Every function blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageOps, ImageSequence

FORMATS: Final[Mapping[str, str]] = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
}
MOVING: Final = frozenset({"PNG", "GIF", "WEBP"})
"""Telephones put more pictures behind the one in a JPEG: those are left behind."""

MAX_SIDE: Final = 20_000
MAX_FRAMES: Final = 1000
SMALL: Final = (320, 320)
KEPT: Final = frozenset(
    {"icc_profile", "transparency", "background", "duration", "loop", "disposal", "blend"}
)
"""What a picture is shown by. Comments, places and cameras are not among it."""

OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "JPEG": {"quality": 90},
    "PNG": {},
    "GIF": {},
    "WEBP": {"quality": 90, "method": 3},
}
Picture = Image.Image


class PictureError(ValueError):
    """Says what is wrong with the picture, as in "has 400000000 pixels"."""


def make_anew(source: Path, target: Path, media_type: str, max_pixels: int) -> tuple[int, int]:
    """Write the picture to ``target``, upright; its width and height.

    Nothing is decoded before its size is known. Raises PictureError for what is no such picture, is damaged,
    or has more than ``max_pixels``, all frames of an animation together.
    """
    kind = FORMATS[media_type]
    try:
        with Image.open(source, formats=[kind]) as picture:
            _check_size(picture, max_pixels)
            frames = list(_frames(picture, max_pixels))
            loop = picture.info.get("loop")
        first, others = frames[0], frames[1:]
        if others:
            moving: dict[str, Any] = {"append_images": others, "duration": [_duration(one) for one in frames]}
            if loop is not None:
                moving["loop"] = loop
            first.save(target, kind, save_all=True, **moving, **OPTIONS[kind])
        else:
            first.save(target, kind, **OPTIONS[kind])
    except PictureError:
        raise
    except Image.DecompressionBombError:
        raise PictureError("has far too many pixels") from None
    except Exception as error:  # decoders raise whatever they stumble over
        raise PictureError(f"cannot be read as {media_type}") from error
    return first.size


def make_small(source: Path, target: Path, max_pixels: int) -> None:
    """Write a small picture of the first frame, as WebP. Raises PictureError."""
    try:
        with Image.open(source, formats=list(FORMATS.values())) as picture:
            _check_size(picture, max_pixels)
            picture.draft("RGB", SMALL)  # a JPEG is decoded no larger than is needed
            has_alpha = picture.has_transparency_data
            small = picture.convert("RGBA" if has_alpha else "RGB")
        small.thumbnail(SMALL)
        small.info = {}
        small.save(target, "WEBP", quality=80, method=4)
    except PictureError:
        raise
    except Exception as error:
        raise PictureError("cannot be made small") from error


def _check_size(picture: Picture, max_pixels: int) -> None:
    width, height = picture.size
    if width * height > max_pixels or max(width, height) > MAX_SIDE:
        raise PictureError(f"has {width} x {height} pixels; {max_pixels} are the most")


def _frames(picture: Picture, max_pixels: int) -> Iterator[Picture]:
    pixels = 0
    for number, frame in enumerate(ImageSequence.Iterator(picture)):
        pixels += frame.width * frame.height
        if pixels > max_pixels or number >= MAX_FRAMES:
            raise PictureError(f"has more than {max_pixels} pixels in all its frames, or too many of them")
        kept = ImageOps.exif_transpose(frame) if number == 0 else frame.copy()
        kept.info = {name: value for name, value in frame.info.items() if name in KEPT}
        yield kept
        if picture.format not in MOVING:
            return


def _duration(frame: Picture) -> int:
    """In milliseconds; a tenth of a second where a frame does not say it."""
    return int(frame.info.get("duration") or 100)

"""``stonechat check-config``: what is in force, without passwords."""

from __future__ import annotations

import argparse
import re
from typing import Any, Final, cast

from ..settings import load_settings
from .running import configured

PASSWORD_IN_URL: Final = re.compile(r"(?<=://)([^/@:]*:)[^/]*(?=@)")
HIDDEN: Final = r"\1**********"


def add(options: argparse.ArgumentParser) -> None:
    configured(options, _check_config)


def _check_config(options: argparse.Namespace) -> None:
    settings = load_settings(extra=options.config)
    for table, values in settings.model_dump(mode="json").items():
        if not isinstance(values, dict):
            print(f"{table} = {values}")
            continue
        for name, value in cast("dict[str, Any]", values).items():
            print(f"{table}.{name} = {PASSWORD_IN_URL.sub(HIDDEN, str(value))}")

"""A data directory that can't be one: the same words, whoever finds it out first."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from .settings import SettingsError


class DataDirUnusable(SettingsError):  # noqa: N818 -- it reads as what is the case
    """The setting is well formed, but what it names can't hold what a server keeps."""

    def __init__(self, data_dir: Path, error: OSError) -> None:
        super().__init__(cannot_be_used(data_dir, error))


def cannot_be_used(data_dir: Path, error: OSError) -> str:
    """Which directory, and why, in one sentence."""
    # A file in its place: making the directory says "exists", looking into it "not a directory".
    number = errno.ENOTDIR if isinstance(error, FileExistsError) else error.errno
    why = os.strerror(number) if number is not None else error
    return f"The data directory {data_dir.resolve()} can't be used: {why}."

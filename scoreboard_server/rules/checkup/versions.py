"""Whether what is installed is new enough."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .finding import Finding, ok, skipped, wrong

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


def numbers(version: str) -> tuple[int, ...]:
    """What a version begins with, to compare by: "4.18.2rc1" is (4, 18, 2)."""
    match = _NUMBERS.match(version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def python(version: str, floor: str) -> Finding:
    """The interpreter against the least one that the package takes."""
    if numbers(version) < numbers(floor):
        return wrong("python", f"{version}, older than {floor}", f"Install Python {floor} or newer.")
    return ok("python", version)


def packages(installed: Mapping[str, str | None], floors: Mapping[str, str]) -> Finding:
    """What is installed against the least versions that have what we rely on. None: not installed."""
    if not floors:
        return skipped("packages", "scoreboard isn't installed as a package, so nothing says what it needs")
    versions = {name: installed.get(name) for name in floors}
    low = {name: has for name, has in versions.items() if numbers(has or "") < numbers(floors[name])}
    if not low:
        return ok("packages", f"all {len(floors)} at or above their floors")
    found = ", ".join(
        f"{name} is missing" if has is None else f"{name} {has} is older than {floors[name]}"
        for name, has in low.items()
    )
    return wrong("packages", found, "pip install " + " ".join(f"'{name}>={floors[name]}'" for name in low))

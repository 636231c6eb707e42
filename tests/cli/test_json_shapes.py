"""What each command prints with --json has the fields that scripts rely on, no more and no fewer."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from . import shapes
from .cases import CASES, Case
from .conftest import Stage
from .invoking import Running, in_process, until


def _printed(case: Case, stage: Stage) -> str:
    words = [*case.words(stage.words), "--json"]
    if case.lasts is None:
        ended = in_process(*words)
        assert (ended.returncode, ended.stdout[-1:]) == (case.code, "\n"), ended.stderr
        return ended.stdout
    with Running(*words, cwd=stage.folder) as running:
        until(lambda: running.lines)
        running.signal(signal.SIGINT)
        assert running.ended() == case.code
        return running.lines[0]


def _altered(value: Any) -> Iterator[Any]:
    """The same value, once without each of its fields, and once with one more."""
    if isinstance(value, list):
        assert value, "an empty list shows no shape"
        yield from ([each, *value[1:]] for each in _altered(value[0]))
        return
    for name in value:
        yield {other: inner for other, inner in value.items() if other != name}
    yield value | {"more": 1}


def _fits(value: Any, shape: Any) -> bool:
    try:
        msgspec.convert(value, shape, strict=True)
    except msgspec.ValidationError:
        return False
    return True


def _has_fields(shape: Any) -> bool:
    """Whether the shape says which fields there are; settings are a map of whatever there is to set."""
    return not str(shape).startswith("dict")


@pytest.mark.database
@pytest.mark.parametrize("case", CASES, ids=str)
def test_its_json_has_its_shape(stage: Stage, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real answer fits; without one of its fields, or with one more, it would not."""
    monkeypatch.chdir(stage.folder)
    told = json.loads(_printed(case, stage))
    msgspec.convert(told, case.shape, strict=True)
    if _has_fields(case.shape):
        assert [each for each in _altered(told) if _fits(each, case.shape)] == []


def test_shapes_are_strict() -> None:
    """A time without its zone, a rank of 0 and a number in quotes are refused."""
    row = {"userId": "ann", "username": "Ann", "avatarUrl": None, "score": 10, "rank": 1}
    assert _fits(row, shapes.Row)
    assert not _fits(row | {"rank": 0}, shapes.Row)
    assert not _fits(row | {"score": "10"}, shapes.Row)
    assert _fits({"season": "s", "endsAt": "2026-01-01T00:00:00Z", "before": None}, shapes.EndSet)
    assert not _fits({"season": "s", "endsAt": "2026-01-01 00:00", "before": None}, shapes.EndSet)

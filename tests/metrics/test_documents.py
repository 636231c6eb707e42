"""The documents about metrics, against the metrics: no name that there isn't, and none left out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..conftest import Api, StartServer, token
from .reading import Told, told

DOCS = Path(__file__).parent.parent.parent / "docs"
_NAME = re.compile(r"\b(?:scoreboard|process)_\w+")
_SELECTOR = re.compile(r"\b((?:scoreboard|process)_\w+)\{([^}]*)\}")
_BY = re.compile(r"\b(?:by|on) \(([^)]*)\)")
# What Prometheus adds to every sample, and to a histogram's buckets.
_ADDED = {"instance", "job", "le"}


@pytest.fixture
async def seen(start_server: StartServer) -> Told:
    """What a server tells that has done a bit of everything."""
    api = Api(await start_server(live__interval_ms=10))
    await api.act("ann", "a1")
    await api.post({}, token())
    await api.fetch("/metrics")
    return await told(api)


def samples_of(seen: Told) -> dict[str, set[str]]:
    """The labels of each name that can be asked for."""
    found: dict[str, set[str]] = {}
    for sample in seen.samples:
        found.setdefault(sample.name, set()).update(sample.labels)
    return found


def panels() -> list[dict[str, Any]]:
    """Of the dashboard, rows left out."""
    dashboard = json.loads((DOCS / "grafana.json").read_text())
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def rules() -> list[dict[str, Any]]:
    """Of the alerts."""
    groups = yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str]]:
    """(where, expression) of all that is asked of Prometheus."""
    for panel in panels():
        for target in panel["targets"]:
            yield f"panel {panel['title']}", target["expr"]
    for rule in rules():
        yield f"alert {rule['alert']}", rule["expr"]


def rows() -> dict[str, tuple[str, set[str]]]:
    """(kind, labels) by name, as docs/metrics.md has them."""
    lines = re.findall(
        r"^\| `(scoreboard_\w+)` \| (\w+) \| ([^|]*)\|", (DOCS / "metrics.md").read_text(), re.M
    )
    assert len({name for name, _, _ in lines}) == len(lines)
    return {name: (kind, set(re.findall(r"\w+", labels))) for name, kind, labels in lines}


def test_every_metric_is_documented_as_it_is(seen: Told) -> None:
    """Name, kind and labels, both ways."""
    exposed = {}
    for family in seen.families.values():
        if family.name.startswith("scoreboard_"):
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            exposed[name] = (family.type, labels)
    assert rows() == exposed


def test_every_kind_and_reason_is_documented(seen: Told) -> None:
    """Where the values of a label are known beforehand, they stand in the table."""
    text = (DOCS / "metrics.md").read_text()
    for label in ("kind", "why", "reason", "road", "outcome"):
        for value in {s.labels[label] for s in seen.samples if label in s.labels}:
            assert f"`{value}`" in text, (label, value)


def test_nothing_is_asked_for_that_is_not_told(seen: Told) -> None:
    """Each name, and each label that is selected or summed by."""
    samples = samples_of(seen)
    for where, expression in expressions():
        names = set(_NAME.findall(expression))
        assert names and names <= samples.keys(), where
        for name, selector in _SELECTOR.findall(expression):
            assert set(re.findall(r"(\w+)=", selector)) <= samples[name] | _ADDED, where
        told_by = {label for group in _BY.findall(expression) for label in re.findall(r"\w+", group)}
        assert told_by <= set().union(*(samples[name] for name in names)) | _ADDED, where


def test_counters_are_asked_for_as_rates() -> None:
    """What only rises says nothing by itself, save how often something rare has happened."""
    for where, expression in expressions():
        for name in _NAME.findall(expression):
            if name.endswith(("_total", "_bucket")) and name != "scoreboard_seasons_closed_total":
                assert re.search(rf"(?:rate|increase)\({name}", expression), where


def test_every_metric_is_on_the_dashboard() -> None:
    """What nobody looks at need not be counted."""
    asked = " ".join(expression for _, expression in expressions())
    assert [name for name in rows() if name not in asked] == []


def test_the_dashboard_is_whole() -> None:
    """Each panel has words, a place that no other has, and a legend that names labels of its expression."""
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels()]
    assert len(set(places)) == len(places) > 20
    assert len({p["id"] for p in panels()}) == len(places)
    for panel in panels():
        assert panel["title"] and panel["description"]
        for target in panel["targets"]:
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert label == "instance" or label in target["expr"]


def test_alerts_say_what_to_do() -> None:
    """Each has a name of its own, how grave it is, and words."""
    assert len({rule["alert"] for rule in rules()}) == len(rules()) > 10
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert set(rule["annotations"]) == {"summary", "description"}
        for label in re.findall(r"\$labels\.(\w+)", str(rule["annotations"])):
            assert label == "instance" or f"{label}" in rule["expr"]

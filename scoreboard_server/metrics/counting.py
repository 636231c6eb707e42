"""Samples of how actions are counted: submissions, the ledger, folding, the change stream, seasons."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

from prometheus_client.core import Metric

from ..flow.counts import Followed
from ..flow.folding import Folding
from ..flow.following import RELOADS
from ..flow.lag import Lag
from ..flow.pipeline import Pipeline
from ..flow.ports import Change
from ..flow.season_book import SeasonBook
from ..flow.submitting import Submitting
from .families import counter, counters, gauge, histogram

_KINDS = {kind.__name__: re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower() for kind in get_args(Change)}


def of_submitting(submitting: Submitting) -> Iterator[Metric]:
    """What became of submissions, whichever road they came on."""
    counts = submitting.counts
    yield counters(
        "submissions",
        "Submissions by outcome: counted, repeated (counted before), refused.",
        ("outcome",),
        {("counted",): counts.counted, ("repeated",): counts.repeated, ("refused",): counts.refused}.items(),
    )


def of_pipeline(pipeline: Pipeline) -> Iterator[Metric]:
    """The writer and its queue."""
    counts = pipeline.counts
    yield counter("entries", "Entries that this process has put into the ledger.", counts.entries)
    yield histogram("batch_entries", "Entries of a batch.", counts.sizes)
    yield histogram("append_seconds", "Until the store had a batch durable, by attempt.", counts.seconds)
    yield counter("append_failures", "Attempts that the store did not answer well.", counts.failures)
    yield gauge("actions_under_way", "Actions asked for and not yet answered.", pipeline.under_way)
    yield gauge("queue_depth", "Those of them that no batch has taken yet.", pipeline.waiting)


def of_folding(folding: Folding) -> Iterator[Metric]:
    """What makes entries part of standings."""
    counts = folding.counts
    yield histogram("fold_seconds", "Until a fold was durable.", counts.seconds)
    yield histogram("fold_entries", "Entries of a fold.", counts.sizes)
    yield counter("folds_yielded", "Folds that gave way to somebody else's.", counts.yielded)
    yield counter(
        "foreign_entries_folded", "Entries folded that another writer had left behind.", counts.foreign
    )
    yield gauge("pending_entries", "This process's entries that are not known to be folded.", folding.pending)


def of_following(followed: Followed, lag: Lag | None) -> Iterator[Metric]:
    """What other processes have done. lag: None where there is no other that could write."""
    changes = dict.fromkeys(((kind,) for kind in _KINDS.values()), 0)
    changes |= {(_KINDS[name],): count for name, count in followed.changes.items()}
    yield counters("stream_changes", "Changes that came in by the change stream.", ("kind",), changes.items())
    yield gauge(
        "stream_lag_seconds",
        "What a mark takes through the store and back by the change stream, or has taken so far.",
        lag.seconds if lag is not None else 0.0,
    )
    reloads = {(why,): followed.reloads[why] for why in RELOADS}
    yield counters("board_reloads", "Boards read again whole while serving.", ("why",), reloads.items())


def of_seasons(book: SeasonBook, closed: int) -> Iterator[Metric]:
    """closed: how many this process has closed by itself."""
    current, *sealed = book.all()
    yield counter("seasons_closed", "Seasons that this process has closed at their end.", closed)
    yield gauge("sealed_seasons", "Seasons that are over, whoever has closed them.", len(sealed))
    ends_at = current.ends_at
    yield gauge(
        "season_end_timestamp_seconds",
        "When the current season ends, in Unix time; 0 when it has no end.",
        ends_at / 1e6 if ends_at is not None else 0.0,
    )

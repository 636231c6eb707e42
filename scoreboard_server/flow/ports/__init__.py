"""What the verbs need of the outside, as narrow shapes. `store/` fits them; tests bring small fakes."""

from __future__ import annotations

from .books import Books, Span
from .captcha import CaptchaProvider, Spent
from .failures import EntriesRefused, HistoryLost, StoreUnavailable
from .feed import (
    BanChanged,
    Change,
    EntryAppended,
    Feed,
    MarkSeen,
    ProfileChanged,
    SeasonChanged,
    TokensRevoked,
)
from .keys import PublishedKeys
from .ledger import Batch, History, Key, Ledger, Past, Recorded
from .moderation import Moderation, ToCorrect
from .profiles import ProfileStore
from .snapshots import Snapshot, Snapshots
from .standings import NO_DAYS, Day, PendingEntry, Standings, Sum

__all__ = [
    "NO_DAYS",
    "BanChanged",
    "Batch",
    "Books",
    "CaptchaProvider",
    "Change",
    "Day",
    "EntriesRefused",
    "EntryAppended",
    "Feed",
    "History",
    "HistoryLost",
    "Key",
    "Ledger",
    "MarkSeen",
    "Moderation",
    "Past",
    "PendingEntry",
    "ProfileChanged",
    "ProfileStore",
    "PublishedKeys",
    "Recorded",
    "SeasonChanged",
    "Snapshot",
    "Snapshots",
    "Span",
    "Spent",
    "Standings",
    "StoreUnavailable",
    "Sum",
    "ToCorrect",
    "TokensRevoked",
]

"""What the verbs need of the outside, as narrow shapes. `store/` fits them; tests bring small fakes."""

from __future__ import annotations

from .books import Books, Span
from .captcha import CaptchaProvider, Spent
from .copies import Claim, Copies, CopyRefused, InstantLost, Original, Originals
from .failures import EntriesRefused, HistoryLost, SeasonEnded, SeasonReset, StillPending, StoreUnavailable
from .feed import (
    BanChanged,
    Change,
    Decided,
    EntryAppended,
    Feed,
    MarkSeen,
    ProfileChanged,
    SeasonChanged,
    SeasonsEdited,
    TokensRevoked,
)
from .keys import PublishedKeys
from .ledger import Batch, History, Key, Ledger, Past, Recorded
from .moderation import Moderation, ToCorrect
from .profiles import ProfileStore
from .seasons import Archives, Seasons
from .snapshots import Snapshot, Snapshots
from .standings import NO_DAYS, Day, PendingEntry, Standings, Sum
from .trail import Trail, Wanted

__all__ = [
    "NO_DAYS",
    "Archives",
    "BanChanged",
    "Batch",
    "Books",
    "CaptchaProvider",
    "Change",
    "Claim",
    "Copies",
    "CopyRefused",
    "Day",
    "Decided",
    "EntriesRefused",
    "EntryAppended",
    "Feed",
    "History",
    "HistoryLost",
    "InstantLost",
    "Key",
    "Ledger",
    "MarkSeen",
    "Moderation",
    "Original",
    "Originals",
    "Past",
    "PendingEntry",
    "ProfileChanged",
    "ProfileStore",
    "PublishedKeys",
    "Recorded",
    "SeasonChanged",
    "SeasonEnded",
    "SeasonReset",
    "Seasons",
    "SeasonsEdited",
    "Snapshot",
    "Snapshots",
    "Span",
    "Spent",
    "Standings",
    "StillPending",
    "StoreUnavailable",
    "Sum",
    "ToCorrect",
    "TokensRevoked",
    "Trail",
    "Wanted",
]

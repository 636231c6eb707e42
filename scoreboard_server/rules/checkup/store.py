"""Judging a store by what it tells."""

from __future__ import annotations

from .finding import Finding, hint, ok, skipped, wrong
from .store_facts import DatabaseFacts, ServerFacts, Topology
from .versions import numbers

# Snapshot reads at a cluster time came with 5.0.
_OLDEST = "5.0"
_UNMAINTAINED = {5: "October 2024", 6: "July 2025"}
# Seconds. Times of actions, bans and caps are those of servers; what is forgotten goes by the store's.
_CLOCK_HINT, _CLOCK_WRONG = 1.0, 5.0
_SHORT_OPLOG_S = 3_600.0
_SET_MAJORITY = (
    "db.adminCommand({setDefaultRWConcern: 1, defaultWriteConcern: {w: 'majority'}, "
    "writeConcern: {w: 'majority'}})"
)

STORE_CHECKS = (
    "version",
    "topology",
    "write concern",
    "clock",
    "oplog",
    "disk",
    "documents",
    "indexes",
    "pending",
    "ledger",
)


def nothing_known(why: str, *, is_embedded: bool) -> list[Finding]:
    """Every check of a store that could not be asked. An embedded one's disk is this machine's."""
    return [skipped(name, why) for name in STORE_CHECKS if not (is_embedded and name == "disk")]


def version(facts: ServerFacts, *, is_embedded: bool) -> Finding:
    """Whether it has what we need, and is still mended by its makers."""
    if facts.version is None:
        return skipped("version", "the store doesn't tell")
    found = f"MongoDB {facts.version}"
    if numbers(facts.version) < numbers(_OLDEST):
        return wrong("version", f"{found}, older than {_OLDEST}", "Upgrade it, one major version at a time.")
    since = _UNMAINTAINED.get(numbers(facts.version)[0])
    if since is None:
        return ok("version", found)
    if is_embedded:  # it comes along, and nobody but this machine can reach it
        return ok("version", f"{found}: not the newest, but on loopback only")
    return hint("version", f"{found}: no fixes since {since}", "Plan the upgrade to a maintained version.")


def topology(facts: ServerFacts, *, is_embedded: bool) -> Finding:
    """Whether it can keep an acknowledged action, and how many of its members may fail."""
    if facts.refusal is not None:
        return wrong("topology", str(facts.topology), facts.refusal)
    if facts.topology is Topology.SHARDED:
        return hint(
            "topology",
            str(facts.topology),
            "An idle shard delays the live board by up to 10 s; a replica set doesn't.",
        )
    found = f"replica set {facts.name}"
    if is_embedded:
        return ok("topology", f"{found} of one, private")
    if facts.members is None:
        return skipped("topology", f"{found}; its members are told to the role clusterMonitor only")
    return _members(facts, found)


def _members(facts: ServerFacts, found: str) -> Finding:
    members = facts.members or ()
    ill = [f"{each.name} ({each.state})" for each in members if not each.is_healthy]
    if ill:
        return wrong(
            "topology",
            f"{found}: {len(ill)} of {len(members)} members down: {', '.join(ill)}",
            "Bring them back: without a majority nothing is acknowledged.",
        )
    bearing = [each for each in members if each.state != "ARBITER"]
    if len(bearing) < 3:
        return hint(
            "topology",
            f"{found} with data on {len(bearing)} of {len(members)}",
            "With data on three members it survives the loss of any of them.",
        )
    return ok("topology", f"{found}, {len(members)} members, all well")


def write_concern(facts: ServerFacts) -> Finding:
    """What other clients get who say nothing; a score board always asks for a majority's disks."""
    if facts.default_w is None:
        return skipped("write concern", "ours is majority; the default is told to clusterMonitor only")
    if facts.default_w == "majority":
        return ok("write concern", "majority, on disk")
    return hint(
        "write concern",
        f"ours is majority, but the cluster's default is w: {facts.default_w}",
        f"Others who write there may lose what was acknowledged. In mongosh: {_SET_MAJORITY}",
    )


def clock(facts: ServerFacts) -> Finding:
    """This machine's clock against the store's."""
    off = max(abs(facts.ahead_s) - facts.unsure_s, 0.0)
    where = "ahead of" if facts.ahead_s > 0 else "behind"
    if off < _CLOCK_HINT:
        return ok("clock", "agrees with the store's to a second")
    found = f"the store's is {off:,.1f} s {where} this machine's"
    remedy = "Have both kept by NTP (timedatectl set-ntp true): times of actions and bans go by them."
    return hint("clock", found, remedy) if off < _CLOCK_WRONG else wrong("clock", found, remedy)


def oplog(facts: ServerFacts) -> Finding:
    """How long a server may lose sight of the store and still follow it from where it was."""
    if facts.oplog is None:
        return skipped("oplog", "the store doesn't tell")
    if not facts.oplog.is_full:
        return ok("oplog", "has room")
    found = f"reaches {facts.oplog.span_s / 3_600:,.1f} h back"
    if facts.oplog.span_s >= _SHORT_OPLOG_S:
        return ok("oplog", found)
    return hint(
        "oplog",
        found,
        "A server that is away for longer reads the whole board again. Enlarge it, in mongosh: "
        "db.adminCommand({replSetResizeOplog: 1, size: 16384})",
    )


def documents(facts: DatabaseFacts) -> Finding:
    """Whether this version understands what is stored."""
    if facts.newer is not None:
        return wrong("documents", f"shape {facts.shape}, written by a newer version", facts.newer)
    return ok("documents", f"shape {facts.shape}, as this version reads them")


def indexes(facts: DatabaseFacts) -> Finding:
    """What a start makes, against what is there."""
    if facts.missing:
        return wrong(
            "indexes",
            f"missing: {', '.join(facts.missing)}",
            "Every start makes what is missing: run `scoreboard verify`, which also shows what came of it.",
        )
    if facts.changed:
        first = facts.changed[0].partition(".")
        return wrong(
            "indexes",
            f"not as they should be: {', '.join(facts.changed)}",
            f'Drop each, in mongosh: db.{first[0]}.dropIndex("{first[2]}"); then restart a server.',
        )
    if facts.foreign:
        return hint(
            "indexes",
            f"not ours: {', '.join(facts.foreign)}",
            "Each costs a little with every action: drop what neither you nor a newer version needs.",
        )
    return ok("indexes", "all there")


def pending(facts: DatabaseFacts, *, server_runs: bool) -> Finding:
    """Entries that nobody has folded for a minute. They count on every board all the same."""
    if not facts.left_behind:
        return ok("pending", "nothing older than a minute")
    found = f"entries older than a minute: {facts.left_behind:,}"
    if server_runs:
        return wrong("pending", found, "The server should have folded them: see what its log says.")
    return hint("pending", found, "Nothing is lost; the next `scoreboard serve` folds them.")


def partial() -> Finding:
    """Of a database into which an import was begun."""
    return wrong(
        "ledger",
        "an import is not finished, so entries and standings are not all there",
        "Run `scoreboard import` with its file again: it goes on where it was.",
    )


def no_season() -> Finding:
    """Of a database that was used, and has lost its current season."""
    return wrong(
        "ledger",
        "no season is the current one",
        "`seasons` was changed by hand: set the state of its newest document to 'current', or restore it.",
    )

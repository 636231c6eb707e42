"""Exports: all that a store has, as lines that anybody can read and check; see `docs/export.md`."""

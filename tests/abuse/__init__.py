"""Abuse: everything that a client can send, and much that none should, against a running server."""

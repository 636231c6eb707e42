"""Metrics: what all parts count, as samples for a Prometheus; only here is its client library known."""

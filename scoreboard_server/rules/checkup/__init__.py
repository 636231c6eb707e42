"""Judging an installation: facts in, findings with their remedies out."""

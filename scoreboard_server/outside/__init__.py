"""Clients of third parties, each with a deadline: slow or broken, they hold up nobody here."""

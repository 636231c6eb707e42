"""Chaos: users who remember what they were told, against everything that can be killed, frozen or cut."""

"""The description of the socket (AsyncAPI 3.0), kept by hand and held to what is said and sent by a test.

A new message is an entry in `messages`, a new reason to close one in `endings`; what both interfaces tell
has its schema in `..openapi.schemas`.
"""

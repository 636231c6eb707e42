"""The description of the HTTP interface (OpenAPI 3.1), kept by hand and held to the routes by a test.

A new route is an entry in `reading`, `submitting` or `serving`; what it takes and gives, one in `schemas`.
"""

"""`scoreboard bench`: load from processes of its own, and what it shows about a server."""

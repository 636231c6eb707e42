"""MongoDB, real, embedded or mocked: the only package that imports a driver."""

import os

# Each call waits in a thread, for up to ten seconds when a server hangs. The driver takes five for each
# processor: fewer than clients may hold at once, and the pipeline, folding and the feed need theirs.
os.environ.setdefault("MOTOR_MAX_WORKERS", "32")

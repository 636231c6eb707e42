"""`scoreboard serve …`, tied to who started it: when its input ends it stops as on SIGTERM."""

from __future__ import annotations

import os
import signal
import sys
import threading

from ..main import main


def _stop_at_the_end_of_input() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_stop_at_the_end_of_input, daemon=True).start()
    main()

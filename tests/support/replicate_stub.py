"""Stands for a replicate's process: says that it runs, and how it ended."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from lulcseg.launch.child_process import end_with_parent, run_child

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    if folder.name == "sweep":  # stands for a sweep
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job's processes are deaf to it
        from lulcseg.launch import child_process as child
        from lulcseg.locks import replicate_lock

        child._MODULE = "tests.support.replicate_stub"
        with replicate_lock(folder.parent / "wait") as lock:
            assert lock is not None
            sys.exit(run_child(folder.parent / "wait", lock))
    end_with_parent()
    try:
        (folder / "pid").write_text(str(os.getpid()))  # from here on an interruption is told
        if folder.name == "fail":
            sys.exit(3)
        threading.Event().wait()
    except KeyboardInterrupt:
        (folder / "interrupted").touch()
        sys.exit(130)

"""Settings of Python's cycle collector and of glibc's allocator, and a thread that returns freed memory to the system.

By default glibc retains freed memory in an arena for each few threads: a step that once held 100 MB would show in the
server's size for ever. Elsewhere than on Linux with glibc this does nothing.

Gains: after a run of 200 MB of chunks the server needs 141 MB instead of 900, together with smaller caches of SQLite
and reused request threads; the higher threshold of the collector saves a tenth of the time of a run, and an eighth of
that of a start.
Can go with an allocator that returns memory by itself (jemalloc, mimalloc), and with a collector of Python that does
not traverse young objects so often.
"""

import ctypes
import gc
import platform
import threading
import time
from pathlib import Path

# The numbers of mallopt(3).
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, ARENA_MAX = -1, -2, -3, -8
NEW_OBJECTS = 10_000  # allocations above deallocations, after which the collector runs
LOOK_SECONDS = 5.0
GROWN_BYTES = 8 << 20  # above its smallest size so far; less is not worth a look
WORKED_SECONDS = 0.1  # of the processor: a process that did less has freed next to nothing
PAGE_BYTES = 4096


def raise_gc_threshold() -> None:
    """Collect cycles less often than Python does by default. Call it before everything else.

    Reference counting frees nearly all objects of a run and of a start; traversing them took a tenth of the time of a
    run, and an eighth of that of a start.
    """
    gc.set_threshold(NEW_OBJECTS, 10, 10)


def keep_small() -> None:
    """Set the allocator, and look after the process from now on. Call once, while there is one thread."""
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    # Fixed: by itself, glibc takes ever larger blocks from its arenas, where they leave holes that stay.
    libc.mallopt(MMAP_THRESHOLD, 1 << 20)
    libc.mallopt(TRIM_THRESHOLD, 4 << 20)
    libc.mallopt(TOP_PAD, 512 << 10)
    libc.mallopt(ARENA_MAX, 2)
    threading.Thread(target=_look_after, args=(libc,), name="memory", daemon=True).start()


def _look_after(libc: ctypes.CDLL) -> None:
    time.sleep(LOOK_SECONDS)
    # What the start has made stays for good: the collector need not look through it each time.
    gc.collect()
    gc.freeze()
    smallest, worked = _own_bytes(), time.process_time()
    while True:
        time.sleep(LOOK_SECONDS)
        if time.process_time() - worked > WORKED_SECONDS and _own_bytes() - smallest > GROWN_BYTES:
            # A large answer may hang in a ring of objects, of which the collector knows the number and not the size.
            gc.collect()
            libc.malloc_trim(0)
            worked = time.process_time()
        smallest = min(smallest, _own_bytes())


def _own_bytes() -> int:
    """What of this process is in memory, without files that are mapped into it."""
    fields = Path("/proc/self/statm").read_text().split()
    return (int(fields[1]) - int(fields[2])) * PAGE_BYTES

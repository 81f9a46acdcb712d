"""Packs each binary into a zip, as `bootstrap`, the file that Lambda starts.

Called with pairs of a zip and its binary. A zip that is newer than its binary stays as it is. The zips compress
little, because speed matters more than size on this machine.
"""

import os
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def pack(binary, archive):
    if archive.exists() and archive.stat().st_mtime > binary.stat().st_mtime:
        return
    # With a fixed date, the same binary makes the same zip, which is not uploaded again.
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o755 << 16
    unfinished = archive.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w") as file:
        file.writestr(entry, binary.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=1)
    os.replace(unfinished, archive)


paths = [Path(argument) for argument in sys.argv[1:]]
with ThreadPoolExecutor(os.cpu_count()) as pool:
    work = [pool.submit(pack, binary, archive) for archive, binary in zip(paths[::2], paths[1::2], strict=True)]
for result in work:
    result.result()

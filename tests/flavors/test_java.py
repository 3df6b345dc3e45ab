"""What the flavors share whose framework runs in Java, without any Java."""

from __future__ import annotations

import os
import subprocess
import sys

FORKING = """
import os
import sys

from flavorkit.flavors.java import scratch

folder = scratch("test")
child = os.fork()
if child == 0:
    sys.exit()
os.waitpid(child, 0)
print(folder.is_dir(), folder)
"""


def test_a_forked_process_that_ends_leaves_the_folder_to_the_one_that_made_it(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKING],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.stdout.startswith(f"True {tmp_path}")
    assert not list(tmp_path.iterdir())

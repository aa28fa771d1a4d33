"""Makes this checkout importable in the running virtual environment, and puts the `harness` command beside its python.

This is what an editable install does, without a build backend: setuptools is not part of a new environment since
Python 3.12, and fetching one would be a download that requirements.lock does not pin.
"""

import shlex
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMAND = """#!/bin/sh
# -P: a folder called harness in the current directory must not shadow the package.
exec {python} -P -m harness "$@"
"""


def main() -> None:
    """Write the .pth file and the command. Exits with a message outside a virtual environment."""
    if sys.prefix == sys.base_prefix:
        sys.exit("link.py: run me with the python of a virtual environment (`make setup` does)")
    Path(sysconfig.get_path("purelib"), "backend-harness.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    command = Path(sysconfig.get_path("scripts"), "harness")
    # sys.executable is the environment's own python: the link is not followed, or the environment would be lost.
    command.write_text(COMMAND.format(python=shlex.quote(sys.executable)), encoding="utf-8")
    command.chmod(0o755)


if __name__ == "__main__":
    main()

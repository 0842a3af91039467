"""The virtual environments that the scripts of this folder run in."""

import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent.parent / "target" / "peers"


def enter(folder, requirements):
    """Continue the running script in the environment `folder`, with exactly the packages of the file `requirements`.

    The environment is made when it is missing and brought up to date when the requirements have changed.
    """
    folder, wanted = Path(folder).absolute(), (HERE / requirements).read_text()
    if Path(sys.prefix).resolve() == folder.resolve():
        return
    python, installed = folder / "bin" / "python", folder / "installed.txt"
    if not installed.exists() or installed.read_text() != wanted:
        print(f"installing {requirements} into {folder}", file=sys.stderr, flush=True)
        venv.create(folder, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--requirement", str(HERE / requirements)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        installed.write_text(wanted)
    os.execv(python, [str(python), *sys.argv])

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parents[1]


def test_the_types_are_those_of_the_contract() -> None:
    subprocess.run([sys.executable, HERE / "generate.py", "--check"], check=True)


def test_the_types_of_the_client_hold() -> None:
    subprocess.run([sys.executable, "-m", "mypy"], cwd=HERE, check=True)

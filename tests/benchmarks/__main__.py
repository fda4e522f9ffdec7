"""Write all tables of training into this folder; takes 45 minutes of two cores with nothing beside.

    python tests/benchmarks [machine]

`machine` ends the names of the files and is "cpu" if left out: `training-cpu.md`, `scaling-cpu.md`.
"""

import subprocess
import sys
from pathlib import Path

here = Path(__file__).parent
machine = sys.argv[1] if len(sys.argv) > 1 else "cpu"
for tables in ("training", "scaling"):
    out = here / f"{tables}-{machine}.md"
    subprocess.run([sys.executable, here / f"{tables}.py", "--out", out], check=True)

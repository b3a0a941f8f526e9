"""Print what share of lines and of branches the tests ran; exit with 1 if too few."""

import json
import sys
from pathlib import Path

LINES, BRANCHES = 98.0, 95.0  # percent

report = json.loads(Path(sys.argv[1]).read_text("utf-8"))
totals = report["totals"]
lines = 100 * totals["covered_lines"] / totals["num_statements"]
branches = 100 * totals["covered_branches"] / totals["num_branches"]
print(
    f"coverage: {lines:.2f} % of lines ({LINES} needed), "
    f"{branches:.2f} % of branches ({BRANCHES})"
)
if lines < LINES or branches < BRANCHES:
    for name, file in report["files"].items():
        missing = file["missing_lines"], file["missing_branches"]
        if any(missing):
            print(name, "lines", missing[0], "branches", missing[1])
    sys.exit(1)

"""Print a command: README's `main` or `test`, or `without-torch` of deploying.md."""

import re
import sys
from pathlib import Path


def blocks(path: str) -> list[str]:
    """The commands of a shell, block by block."""
    text = Path(path).read_text("utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.S | re.M)
    return [block for language, block in found if language in ("", "bash")]


main, test = [block for block in blocks("README.md") if "constraints" in block]
(without_torch,) = [
    block for block in blocks("docs/deploying.md") if "--no-deps" in block
]
commands = {"main": main, "test": test, "without-torch": without_torch}
print(commands[sys.argv[1]].strip())

"""Print one of README's two commands: `main` or `test`."""

import re
import sys
from pathlib import Path

blocks = re.findall(r"```bash\n(.*?)```", Path("README.md").read_text("utf-8"), re.S)
main, test = blocks[:2]
print({"main": main, "test": test}[sys.argv[1]].strip())

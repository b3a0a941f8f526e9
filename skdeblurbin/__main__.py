"""``python -m skdeblurbin`` is the command `skdeblurbin`."""

import sys

from skdeblurbin.cli import main

if __name__ == "__main__":  # worker processes import this module too
    sys.exit(main())

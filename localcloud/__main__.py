"""``python -m localcloud``: see ``cli.py``."""

import sys

from localcloud.cli import main

sys.exit(main())

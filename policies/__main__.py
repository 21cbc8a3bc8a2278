"""The policy pack, as the engine starts it: `pulumi preview --policy-pack policies`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# The pack's folder is no package's root: its modules are `policies.…`, and the price table is the project's.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policies.pack import make

make(os.environ.get("PULUMI_STACK", ""))

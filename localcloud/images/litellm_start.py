"""Starts LiteLLM as its console script does. Run with the Python of LiteLLM's own environment, alone on this machine.

LiteLLM makes millions of objects before it serves (36,000 classes of the generated Prisma client alone) and frees
hardly any. At Python's defaults the collector walks them over and over, a fifth of the start; with these thresholds it
does so a few times. Nothing of LiteLLM is touched. At module level, because worker processes import this file again.
"""

import gc
import sys

gc.set_threshold(100_000, 50, 1_000)

if __name__ == "__main__":
    from litellm.proxy.proxy_cli import run_server  # pyright: ignore[reportMissingImports]

    sys.argv[0] = "litellm"
    sys.exit(run_server())

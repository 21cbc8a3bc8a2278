"""`python -m litellm_admin`: what `scripts/litellm-users.sh` runs."""

import sys

from litellm_admin.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

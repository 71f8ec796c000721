"""Run the command as ``python -m seestack``."""

import sys

from seestack.cli import main

sys.exit(main())

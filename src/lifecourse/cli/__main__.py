"""``python -m lifecourse.cli`` is the `lifecourse` command."""

import sys

from lifecourse.cli import main

sys.exit(main())

"""`python -m service` is `chiasm`."""

import sys

from service.cli import main

sys.exit(main())

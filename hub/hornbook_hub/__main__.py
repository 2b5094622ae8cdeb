"""`python -m hornbook_hub`: the command line."""

import sys

from hornbook_hub.command_line import main

if __name__ == "__main__":
    sys.exit(main())

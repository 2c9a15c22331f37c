#!/usr/bin/env python
"""Django's command line, and `manage.py up`, which runs the whole house."""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036  (whoever starts it with an older Python gets a sentence)
    sys.exit(
        f"Sigmaweb needs Python 3.11 or 3.12; this is {sys.version.split()[0]}. Start it with python3.11 or python3.12."
    )


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sigmaweb.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

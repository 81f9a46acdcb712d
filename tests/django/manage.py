"""The five backends that Darkroom replaces, as one Django project: their models, with data from fill.py.

`tests/tests/api/import/django.rs` exports the data with the lines of docs/MIGRATING.md.
"""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
    execute_from_command_line(sys.argv)

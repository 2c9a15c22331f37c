"""The WSGI application that the web server loads."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sigmaweb.settings")

application = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018 - views and what they import are loaded now, not in the first request

# Modules live as long as the process: without them a full search for garbage, which any request may have to wait
# for, takes a tenth of the time.
gc.collect()
gc.freeze()

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from statuspage.bodies import read_to_the_end

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "statuspage.settings")

application = read_to_the_end(get_wsgi_application())

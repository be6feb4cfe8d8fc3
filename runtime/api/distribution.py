"""What a registry knows of an image, which need not be here.

Docker Engine API 1.47, "Distribution"
"""

from __future__ import annotations

from runtime.api.answers import Answer, Document
from runtime.api.call import Call
from runtime.api.credentials import auth_config
from runtime.api.routes import route


@route("GET", "/distribution/{name}/json", long=True)
def inspect(call: Call) -> Answer:
    """Its digest, and for which platforms it is."""
    found = call.engine.images.get_registry_data(call["name"], auth_config(call))
    return Document(found.attrs)

"""Validate a Workflow RO-Crate by rocrate-validator, without a network.

Run by the environment of requirements/validator.txt. The context of RO-Crate 1.1 is made from that
of 1.3, which rocrate carries: what it adds does no harm, and what it renames is named as before.
"""

import importlib.resources
import json
import sys
from typing import Any

import requests
from rocrate_validator import services
from rocrate_validator.models import Severity, ValidationSettings

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
RENAMED = ("ComputationalWorkflow", "FormalParameter", "input", "output")


def context() -> bytes:
    """Return the context of RO-Crate 1.1."""
    file = importlib.resources.files("rocrate").joinpath("data/ro-crate.jsonld")
    document = json.loads(file.read_text())
    document["@context"] |= {name: f"https://bioschemas.org/{name}" for name in RENAMED}
    return json.dumps(document).encode()


def answer(_: Any, request: requests.PreparedRequest, **__: Any) -> requests.Response:
    """Answer a request: with the context, or not at all."""
    response = requests.Response()
    response.url = str(request.url)
    response.request = request
    response.status_code = 200 if request.url == CONTEXT else 404
    response.headers["Content-Type"] = "application/ld+json"
    response._content = context() if request.url == CONTEXT else b""
    return response


def problems(crate: str) -> list[str]:
    """Return what a crate lacks that its profile requires."""
    settings = ValidationSettings(
        rocrate_uri=crate,
        profile_identifier="workflow-ro-crate-1.0",
        requirement_severity=Severity.REQUIRED,
        no_cache=True,
    )
    issues = services.validate(settings).get_issues()
    return [f"{issue.check.identifier}: {issue.message}" for issue in issues]


if __name__ == "__main__":
    requests.adapters.HTTPAdapter.send = answer
    found = problems(sys.argv[1])
    sys.exit("\n".join(found) if found else None)

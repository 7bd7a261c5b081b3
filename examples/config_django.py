"""Django with settings that reload while it serves, over those that it started with.

CONFIG=folder gunicorn --chdir examples --threads 4 config_django:application
"""

import os
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from frozen.config import Config, Directory

config = Config({"DEBUG": False}, Directory(os.environ["CONFIG"])).start()  # a folder as Kubernetes mounts it


class Overlay:
    def __init__(self) -> None:
        self.data = config.data  # one version

    def __getattr__(self, name: str) -> Any:
        return self.data[name] if name in self.data else getattr(settings, name)


def overlay(answer: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    return lambda request: setattr(request, "settings", Overlay()) or answer(request)  # for all of this request


def index(request: Any) -> JsonResponse:
    limits, texts = request.settings.LIMITS, request.settings.TEXTS
    return JsonResponse({"pid": os.getpid(), "limits": limits["release"], "texts": texts["release"]})


urlpatterns = [path("", index)]
settings.configure(ROOT_URLCONF=__name__, MIDDLEWARE=[f"{__name__}.overlay"], ALLOWED_HOSTS=["*"])
application = get_wsgi_application()

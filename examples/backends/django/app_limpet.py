"""A Django app, in one file, that counts visits and knows who has logged in."""

import os
import secrets

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import path
from django.utils.html import escape
from django.views.decorators.http import require_POST

NODE = os.environ.get("NODE", "django")

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=secrets.token_urlsafe(32),
    SESSION_ENGINE="limpet_session.django",
)


def home(request: HttpRequest) -> HttpResponse:
    session = request.session
    session["count"] = session.get("count", 0) + 1
    user = escape(session.get("user", "stranger"))
    return HttpResponse(f"<!doctype html><h1>Node {NODE}</h1><p>Hello, {user}: visit {session['count']}.")


def show(request: HttpRequest) -> HttpResponse:
    session = request.session
    return JsonResponse({"node": NODE, "count": session.get("count", 0), "user": session.get("user")})


@require_POST
def login(request: HttpRequest) -> HttpResponse:
    request.session.cycle_key()
    request.session["user"] = request.POST.get("user", "")[:40] or "somebody"
    return HttpResponseRedirect("/")


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    request.session.flush()
    return HttpResponseRedirect("/session")


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


urlpatterns = [
    path("", home),
    path("session", show),
    path("login", login),
    path("logout", logout),
    path("healthz", healthz),
]

app = get_wsgi_application()

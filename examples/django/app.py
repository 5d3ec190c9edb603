"""Receive webhooks inside a Django app: a view that gives the whole request to ``handler.receive``."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from moderation_ai.utils import WebhookHandler

handler = WebhookHandler(
    secret=os.environ["WEBHOOK_SECRET"],
    verify_token=os.environ.get("VERIFY_TOKEN"),
    store=os.environ.get("MODERATION_AI_STORE__URL", "sqlite:///inbox.db"),
)


@handler.on("comment.created")
async def on_comment(event):
    print(event.platform, event.data.comment.id, event.data.comment.text, flush=True)


def home(request):
    return JsonResponse({"app": "yours"})


@csrf_exempt  # The signature is the proof of who sends.
def webhook(request, platform):
    answer = handler.receive(request)
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)


# A project has these in settings.py, urls.py and wsgi.py.
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY=os.environ["DJANGO_SECRET_KEY"])
urlpatterns = [path("", home), path("webhook/<str:platform>", webhook)]
application = get_wsgi_application()

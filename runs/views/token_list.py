"""One's own tokens for the HTTP API: to make, to see what they are good for, to revoke."""

from datetime import timedelta
from typing import cast

from django import forms
from django.contrib.auth.models import User
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from runs.models import Actor, ApiToken, AuditEntry, WorkflowDefinition
from runs.models.api_token import OPERATOR, RIGHTS, Scope

from .request import Request

LIFETIMES = [("30", "30 days"), ("90", "90 days"), ("365", "A year"), ("", "Until it is revoked")]
UNPROCESSABLE = 422


class TokenForm(forms.Form):
    """What the token is for, and how far it reaches. Only scopes that the person has can be chosen."""

    name = forms.CharField(
        max_length=100, error_messages={"required": "Say what the token is for: it is how you will know it later."}
    )
    scopes = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, error_messages={"required": "Choose what the token may do."}
    )
    workflows = forms.CharField(required=False, max_length=5000)
    days = forms.ChoiceField(choices=LIFETIMES, required=False, initial="90")

    def __init__(self, data: QueryDict | None = None, *, user: User) -> None:
        super().__init__(data)
        mine = [scope for scope in Scope if user.has_perm(RIGHTS[scope])]
        scopes = cast(forms.MultipleChoiceField, self.fields["scopes"])
        scopes.choices = [(scope.value, scope.label.capitalize()) for scope in mine]
        scopes.initial = [scope.value for scope in mine if scope in OPERATOR]
        self.fields["name"].widget.attrs.update({"class": "form-control", "autocomplete": "off"})
        self.fields["workflows"].widget.attrs.update({"class": "form-control wf-mono", "autocomplete": "off"})
        self.fields["days"].widget.attrs.update({"class": "form-select"})

    def clean_workflows(self) -> list[str]:
        ids = self.cleaned_data["workflows"].replace(",", " ").split()
        known = set(WorkflowDefinition.objects.filter(pk__in=ids).values_list("pk", flat=True))
        if unknown := [each for each in ids if each not in known]:
            raise forms.ValidationError(f"There is no workflow {', '.join(unknown)}.")
        return ids


@never_cache  # the answer to a good form holds a secret
@require_http_methods(["GET", "HEAD", "POST"])
def token_list(request: Request) -> HttpResponse:
    made = None
    form = TokenForm(request.POST if request.method == "POST" else None, user=request.user)
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data
        expires = timezone.now() + timedelta(days=int(wanted["days"])) if wanted["days"] else None
        token, text = ApiToken.objects.issue(
            name=wanted["name"],
            user=request.user,
            scopes=wanted["scopes"],
            workflows=wanted["workflows"],
            expires_at=expires,
        )
        _audit(request, "create", token)
        made, form = (token, text), TokenForm(user=request.user)
    tokens = ApiToken.objects.filter(user=request.user, revoked_at=None)
    context = {"form": form, "made": made, "tokens": tokens, "scopes": dict(Scope.choices)}
    return render(request, "runs/token_list/page.html", context, status=UNPROCESSABLE if form.errors else 200)


@require_POST
def token_revoke(request: Request, token_id: int) -> HttpResponse:
    """Make a token of one's own worthless."""
    token = get_object_or_404(ApiToken, pk=token_id, user=request.user)
    if token.revoked_at is None:
        token.revoke()
        _audit(request, "revoke", token)
    return redirect("token_list")


def _audit(request: Request, verb: str, token: ApiToken) -> None:
    told = {"name": token.name, "scopes": token.scopes, "workflows": token.workflows}
    AuditEntry.objects.record(Actor.of(request), verb, "token", str(token.pk), after=told)

"""Signing in and out."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView


class SignInForm(AuthenticationForm):
    """Django's own form, in our words and looks."""

    error_messages = {
        "invalid_login": "Name and password do not belong together. Check both: capitals matter.",
        "inactive": "This account is switched off. An administrator can switch it on.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget = forms.TextInput(
            attrs={"class": "form-control", "autocomplete": "username", "autofocus": True, "autocapitalize": "none"}
        )
        self.fields["password"].widget.attrs.update({"class": "form-control", "autocomplete": "current-password"})


class SignIn(LoginView):
    template_name = "runs/sign_in/page.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


class SignOut(LogoutView):
    pass

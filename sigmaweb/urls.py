"""The map of the site. Each app names its own pages; here are the doors."""

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from sigmaweb import theme, views

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", login_not_required(LoginView.as_view(redirect_authenticated_user=True)), name="sign_in"),
    path("sign-in/link/<str:token>/", views.sign_in_link, name="sign_in_link"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("theme/", login_not_required(theme.choose), name="theme"),
    path("healthz", views.healthz, name="healthz"),
    path("", include("rules_app.urls")),
    path("", include("scans_app.urls")),
]

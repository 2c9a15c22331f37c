"""The addresses of rules and models."""

from django.urls import path

from rules_app.views import (
    event_models,
    explain,
    imports,
    library,
    model_edit,
    pins,
    review,
    rule_edit,
    rule_tests,
    rules,
    sets,
    widen,
    words,
)

app_name = "rules"

urlpatterns = [
    path("rules/", library.library, name="list"),
    path("rules/new/", rule_edit.new, name="new"),
    path("rules/check/", rule_edit.check, name="check"),
    path("rules/<int:pk>/explain/", explain.explain_on, name="explain_on"),
    path("rules/words/", words.words, name="words"),
    path("rules/words/fields/", words.fields, name="fields"),
    path("rules/dots/", pins.dots, name="dots"),
    path("rules/pins/add/", pins.add, name="pin_add"),
    path("rules/pins/remove/", pins.remove, name="pin_remove"),
    path("rules/pins/adopt/", pins.adopt, name="pin_adopt"),
    path("rules/pins/expect/", pins.expect, name="pin_expect"),
    path("rules/tests/<int:pk>/", rule_tests.change, name="test_change"),
    path("rules/<int:pk>/tests/", rule_tests.add, name="test_add"),
    path("rules/import/", imports.import_rules, name="import"),
    path("rules/import/<int:pk>/", imports.import_job, name="import_job"),
    path("rules/import/<int:pk>/again/", imports.import_again, name="import_again"),
    path("rules/sets/", sets.sets, name="sets"),
    path("rules/sets/check/", sets.check, name="set_check"),
    path("rules/sets/<int:pk>/", sets.rule_set, name="set"),
    path("rules/<int:pk>/", rules.rule, name="rule"),
    path("rules/<int:pk>/edit/", rule_edit.edit, name="edit"),
    path("rules/<int:pk>/review/", review.review, name="review"),
    path("rules/<int:pk>/comment/", review.comment, name="comment"),
    path("rules/<int:pk>/versions/<int:number>/restore/", review.restore, name="restore"),
    path("rules/<int:pk>/widen/", widen.widen, name="widen"),
    path("rules/<int:pk>/enabled/", rules.enabled, name="enabled"),
    path("rules/<int:pk>/versions/<int:number>/", rules.version, name="version"),
    path("models/", event_models.models, name="models"),
    path("models/new/", model_edit.new, name="model_new"),
    path("models/check/", model_edit.check, name="model_check"),
    path("models/<int:pk>/", event_models.model, name="model"),
    path("models/<int:pk>/edit/", model_edit.edit, name="model_edit"),
    path("models/<int:pk>/copy/", model_edit.copy, name="model_copy"),
    path("models/<int:pk>/default/", model_edit.default, name="model_default"),
    path("models/<int:pk>/versions/<int:number>/", event_models.version, name="model_version"),
]

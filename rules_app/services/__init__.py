"""The verbs that write rules and event models. Nothing else in the project writes them."""

from rules_app.services.discussion import add_comment, remove_comment
from rules_app.services.event_models import (
    NameTaken,
    copy_model,
    create_model,
    make_default,
    refresh_served,
    save_model,
    sync_shipped_models,
)
from rules_app.services.import_jobs import continue_import, run_import, start_import
from rules_app.services.importing import ImportReport, import_rules
from rules_app.services.placeholders import PlaceholdersConflict, save_placeholders
from rules_app.services.publishing import (
    NotAllowed,
    NotPublishable,
    ask_for_changes,
    drop_draft,
    publish,
    send_to_review,
)
from rules_app.services.rule_files import FoundFile, read_path
from rules_app.services.rules import (
    create_rule,
    get_or_create_set,
    restore_version,
    save_rule,
    set_enabled,
)
from rules_app.services.versions import EditConflict

__all__ = [
    "EditConflict",
    "FoundFile",
    "ImportReport",
    "NameTaken",
    "NotAllowed",
    "NotPublishable",
    "PlaceholdersConflict",
    "add_comment",
    "ask_for_changes",
    "continue_import",
    "copy_model",
    "create_model",
    "create_rule",
    "drop_draft",
    "get_or_create_set",
    "import_rules",
    "make_default",
    "publish",
    "read_path",
    "refresh_served",
    "remove_comment",
    "restore_version",
    "run_import",
    "save_model",
    "save_placeholders",
    "save_rule",
    "send_to_review",
    "set_enabled",
    "start_import",
    "sync_shipped_models",
]

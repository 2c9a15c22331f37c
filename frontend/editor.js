// The editor of rules, models and placeholders: CodeMirror over the form's plain text field, which stays the field that is
// sent. Only pages with such a field load this bundle; without it they have the plain field, and work.
import { mount } from "./editor/mount.js";
import { ofRules } from "./editor/of_rules.js";

const field = document.querySelector("textarea[data-editor]");
if (field) mount(field, field.dataset.editor === "Rule" ? ofRules : []);

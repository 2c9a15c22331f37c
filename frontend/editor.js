// The rule editor: CodeMirror over the form's plain text field, which stays the field that is sent.
// Only the editor's page loads this bundle; without it the page is the plain field, and works.
import { mount } from "./editor/mount.js";

const field = document.querySelector("textarea[data-editor]");
if (field) mount(field);

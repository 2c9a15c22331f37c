// The editor over a text field: what is typed is in the field at once, so that the form sends what is on the screen.
import { acceptCompletion } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentLess, indentMore } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, foldGutter, foldKeymap, indentUnit } from "@codemirror/language";
import { lintGutter, lintKeymap } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import * as cm from "@codemirror/view";

import { listenToList, mendNearest, showFindings } from "./findings.js";
import { indent } from "./indent.js";
import { looks } from "./looks.js";
import { listenToWhy } from "./marks.js";
import { TextEvents } from "./text_events.js";
import { Unsaved } from "./unsaved.js";
import { goBetween } from "./why_key.js";

// `own` are the extensions of what the text is of.
export function mount(field, own) {
  const { form } = field;
  const events = new TextEvents(form, field.value);
  const unsaved = form.dataset.of && new Unsaved(form, field.dataset.saved === undefined ? field.defaultValue : field.dataset.saved);

  const changed = cm.EditorView.updateListener.of((update) => {
    if (update.selectionSet || update.docChanged) showCaret(update.state);
    if (!update.docChanged) return;
    field.value = update.state.doc.toString();
    events.changed(field.value);
    unsaved?.keep(field.value);
  });
  const view = new cm.EditorView({ doc: field.value, extensions: [cm.lineNumbers(), own, ...extensions(field, events), changed] });
  field.before(view.dom);
  field.hidden = true;

  const replace = (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
  field.addEventListener("input", () => field.value !== view.state.doc.toString() && replace(field.value));
  unsaved?.offer(document.getElementById("unsaved"), field.value, replace);
  listenToList(view);
  listenToWhy(view);
  goBetween(view);
  showFindings(view);
  if (field.dataset.caretLine) goTo(view, Number(field.dataset.caretLine));
  showCaret(view.state);
  document.addEventListener("htmx:afterSwap", (event) => event.detail.target.id === "findings" && showFindings(view));
  const run = document.querySelector("[data-run]");
  if (run) run.hidden = false;
  run?.addEventListener("click", () => events.tell());
}

// The caret to the end of a line: where something else wrote into the text.
function goTo(view, line) {
  const { to } = view.state.doc.line(Math.min(line, view.state.doc.lines));
  view.dispatch({ selection: { anchor: to }, effects: cm.EditorView.scrollIntoView(to, { y: "center" }) });
  view.focus();
}

function extensions(field, events) {
  const run = () => {
    events.tell();
    return true;
  };
  return [
    cm.keymap.of([
      { key: "Mod-Enter", run },
      { key: "Mod-.", run: mendNearest },
      { key: "Tab", run: acceptCompletion },
      { key: "Tab", run: indentMore, shift: indentLess },
      ...defaultKeymap, ...historyKeymap, ...searchKeymap, ...foldKeymap, ...lintKeymap,
    ]),
    foldGutter(), lintGutter(), history(), cm.drawSelection(), cm.highlightActiveLine(), cm.highlightActiveLineGutter(),
    cm.highlightSpecialChars(), bracketMatching(), highlightSelectionMatches(), search({ top: false }), yaml(), indentUnit.of("    "),
    EditorState.tabSize.of(4), looks,
    overSelection, indent,
    cm.EditorView.contentAttributes.of({ "aria-label": `${field.dataset.editor}, YAML`, "aria-describedby": "editor-help", spellcheck: "false", tabindex: "0" }),
  ];
}

// Typing over a selection is done here: the browser's own way leaves a style attribute, which the policy forbids.
const overSelection = cm.EditorView.domEventHandlers({
  beforeinput(event, view) {
    if (event.inputType !== "insertText" || event.isComposing || !event.data || view.state.selection.main.empty) return false;
    event.preventDefault();
    view.dispatch(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
    return true;
  },
});

function showCaret(state) {
  const place = document.querySelector("[data-caret]");
  if (!place) return;
  const at = state.selection.main.head;
  const line = state.doc.lineAt(at);
  place.textContent = `Line ${line.number}, column ${at - line.from + 1}`;
}

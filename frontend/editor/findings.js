// Findings at their places, and their mends. The list below the text, which the server wrote, is where they come from;
// what is older than the text is not used.
import { forEachDiagnostic, setDiagnostics } from "@codemirror/lint";

import { placesOf } from "./places.js";

const list = () => document.getElementById("findings");
let isMendWished = false; // Ctrl . was pressed while the findings of this text were still asked for
const isCurrent = () => !list().hasAttribute("data-stale") && !list().querySelector("[data-stale]");

// Underline what the list says of the text that is in the editor.
export function showFindings(view) {
  if (!isCurrent()) return;
  const places = placesOf(view.state.doc.toString());
  const found = [...list().querySelectorAll(".finding")].map((item) => {
    const { line, column, severity, message, hint } = item.dataset;
    const [from, to] = places.word(places.position(Number(line), Number(column)));
    const mends = [...item.querySelectorAll("[data-mend]")];
    const actions = mends.map((button) => ({ name: button.dataset.label, apply: () => mend(view, button) }));
    return { from, to, severity, message: [message, hint].filter(Boolean).join(" "), actions, mends };
  });
  found.sort((a, b) => a.from - b.from);
  view.dispatch(setDiagnostics(view.state, found));
  if (isMendWished) mendNearest(view);
}

// Write a button's mend into the text, as one change that Ctrl Z takes back.
export function mend(view, button) {
  if (!isCurrent()) return false;
  const { line, column, endLine, endColumn, text } = button.dataset;
  const places = placesOf(view.state.doc.toString());
  const from = places.position(Number(line), Number(column));
  const to = places.position(Number(endLine), Number(endColumn));
  const changes = view.state.changes({ from, to, insert: text });
  view.dispatch({ changes, selection: { anchor: changes.mapPos(from, 1) }, userEvent: "input.mend", scrollIntoView: true });
  view.focus();
  return true;
}

// Ctrl . : the first mend of the finding at the caret's line, else of the next one, else of the first one. While the
// findings of the text are not there yet, it is made when they are.
export function mendNearest(view) {
  isMendWished = !isCurrent();
  if (isMendWished) return true;
  const caret = view.state.selection.main.head;
  const { from: start, to: end } = view.state.doc.lineAt(caret);
  const mendable = [];
  forEachDiagnostic(view.state, (diagnostic, from, to) => diagnostic.mends.length && mendable.push({ diagnostic, from, to }));
  const nearest = mendable.find(({ from, to }) => from <= end && to >= start) ?? mendable.find(({ from }) => from >= start) ?? mendable[0];
  return Boolean(nearest) && mend(view, nearest.diagnostic.mends[0]);
}

// The list's own buttons and places.
export function listenToList(view) {
  list().addEventListener("click", (event) => {
    const button = event.target.closest("[data-mend]");
    const place = event.target.closest("a[data-line]");
    if (!button && !place) return;
    event.preventDefault();
    if (button) return mend(view, button);
    const at = placesOf(view.state.doc.toString()).position(Number(place.dataset.line), Number(place.dataset.column));
    view.dispatch({ selection: { anchor: at }, scrollIntoView: true });
    view.focus();
  });
}

// What a field maps to, or what a modifier or tag means: where the pointer rests, and by key where the caret is.
import { StateEffect, StateField } from "@codemirror/state";
import { hoverTooltip, keymap, showTooltip } from "@codemirror/view";

import { contextAt, logsourceOf } from "./context.js";
import { counts, fields, share, words } from "./words.js";

export const hover = hoverTooltip((view, pos) => tooltipAt(wordAt(view.state.doc, pos), view.state.doc));

async function tooltipAt(found, doc) {
  if (!found) return null;
  const lines = await explained(found, doc);
  return lines.length ? { pos: found.from, end: found.to, above: true, create: () => ({ dom: tip(found.text, lines) }) } : null;
}

const setAtCaret = StateEffect.define();

// The tooltip that a key has opened: it goes when the caret or the text moves.
const atCaret = StateField.define({
  create: () => null,
  update(shown, transaction) {
    const set = transaction.effects.find((effect) => effect.is(setAtCaret));
    return set ? set.value : transaction.docChanged || transaction.selection ? null : shown;
  },
  provide: (field) => showTooltip.from(field),
});

// For the word at the caret, else for the first of its line that has something to say.
function showAtCaret(view) {
  const { doc, selection } = view.state;
  const found = wordAt(doc, selection.main.head) ?? firstWord(doc, doc.lineAt(selection.main.head));
  tooltipAt(found, doc).then((tooltip) => {
    if (view.state.doc !== doc || view.state.selection !== selection) return; // the person has gone on
    if (tooltip) view.dispatch({ effects: setAtCaret.of(tooltip) });
  });
  return true;
}

function hideAtCaret(view) {
  if (!view.state.field(atCaret)) return false;
  view.dispatch({ effects: setAtCaret.of(null) });
  return true;
}

export const hoverByKey = [atCaret, keymap.of([{ key: "Alt-i", run: showAtCaret }, { key: "Escape", run: hideAtCaret }])];

function firstWord(doc, line) {
  for (const found of line.text.matchAll(/[\w.-]+/g)) {
    const word = wordAt(doc, line.from + found.index);
    if (word) return word;
  }
  return null;
}

// The field or modifier of a test, or the tag, at a position.
function wordAt(doc, pos) {
  const line = doc.lineAt(pos);
  const at = contextAt(doc, line.to);
  const inner = contextAt(doc, Math.min(line.to, line.from + /^\s*(?:- +)*/.exec(line.text)[0].length));
  const [first] = inner.path;
  for (const found of line.text.matchAll(/[\w.-]+/g)) {
    const from = line.from + found.index;
    const to = from + found[0].length;
    if (pos < from || pos > to) continue;
    if (first === "tags") return { kind: "tag", text: found[0], from, to };
    if ((first !== "detection" && first !== "filter") || inner.path.length < 2 || at.key === "condition") return null;
    const before = line.text.slice(0, found.index);
    const after = line.text.slice(found.index + found[0].length);
    if (!/^(\|[\w]+)*\s*:(\s|$)/.test(after)) return null;
    if (before.endsWith("|")) return { kind: "modifier", text: found[0], from, to };
    return /^\s*(?:- +)*['"]?$/.test(before) ? { kind: "field", text: found[0], from, to } : null;
  }
  return null;
}

async function explained(found, doc) {
  const known = await words();
  if (found.kind === "modifier") return known.modifiers.filter(({ name }) => name === found.text).map(({ about }) => [about]);
  if (found.kind === "tag") return known.tags.filter(({ name }) => name === found.text).map(({ about }) => [about]);
  const logsource = logsourceOf(doc);
  const [mapped, counted] = await Promise.all([fields(logsource), counts(logsource)]);
  const lines = (mapped.fields[found.text] ?? []).map(({ lambda, events }) => [lambda, events.join(", ")]);
  if (!lines.length) lines.push(["", "The model does not map it: it is looked up by this very name."]);
  const filled = share(found.text, counted);
  return filled ? [...lines, ["", filled]] : lines;
}

function tip(title, lines) {
  const frame = document.createElement("div"); // CodeMirror makes the tooltip of it
  const box = document.createElement("div");
  box.className = "cm-tooltip-section";
  box.setAttribute("role", "status");
  frame.append(box);
  const head = document.createElement("b");
  head.textContent = title;
  box.append(head);
  for (const [code, said = ""] of lines) {
    const line = document.createElement("p");
    const lambda = document.createElement("code");
    lambda.textContent = code;
    line.append(...(code ? [lambda, " "] : []), said);
    box.append(line);
  }
  return frame;
}

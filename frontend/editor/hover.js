// What a field maps to, or what a modifier or tag means, where the pointer rests.
import { hoverTooltip } from "@codemirror/view";

import { contextAt, logsourceOf } from "./context.js";
import { counts, fields, share, words } from "./words.js";

export const hover = hoverTooltip(async (view, pos) => {
  const found = wordAt(view.state.doc, pos);
  if (!found) return null;
  const lines = await explained(found, view.state.doc);
  return lines.length ? { pos: found.from, end: found.to, above: true, create: () => ({ dom: tip(found.text, lines) }) } : null;
});

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
  const box = document.createElement("div");
  box.className = "cm-tooltip-section";
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
  return box;
}

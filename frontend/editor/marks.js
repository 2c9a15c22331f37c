// The lines of the rule beside why the chosen event matches or not: each line is marked with how it came out, the caret's
// line marks its nodes in the tree, and a node of the tree that is pointed at or chosen marks its line.
import { RangeSet, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, gutter, GutterMarker } from "@codemirror/view";

const KINDS = {
  yes: ["i-yes", "ok", "true for the chosen event"],
  blocks: ["i-yes", "bad", "true for the chosen event, and the condition wants it false"],
  no: ["i-x", "bad", "false for the chosen event"],
  unneeded: ["i-dash", "muted", "false for the chosen event, but not needed"],
};

class Mark extends GutterMarker {
  constructor(kind) {
    super();
    this.kind = kind;
  }

  eq(other) {
    return other.kind === this.kind;
  }

  toDOM() {
    const [icon, colour, said] = KINDS[this.kind];
    const mark = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    mark.setAttribute("class", `icon ${colour}`);
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", said);
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `#${icon}`);
    mark.append(use);
    return mark;
  }
}

const setMarks = StateEffect.define();
const setLinked = StateEffect.define();
const linkedLine = Decoration.line({ class: "cm-linked" });

const marked = StateField.define({
  create: () => RangeSet.empty,
  update(marks, transaction) {
    const set = transaction.effects.find((effect) => effect.is(setMarks));
    if (!set) return transaction.docChanged ? RangeSet.empty : marks;
    return RangeSet.of(set.value.map(([at, kind]) => new Mark(kind).range(at)));
  },
});

const linked = StateField.define({
  create: () => Decoration.none,
  update(lines, transaction) {
    const set = transaction.effects.find((effect) => effect.is(setLinked));
    if (!set) return transaction.docChanged ? Decoration.none : lines;
    return set.value === null ? Decoration.none : Decoration.set([linkedLine.range(set.value)]);
  },
  provide: (field) => EditorView.decorations.from(field),
});

const answer = () => document.querySelector("#why [data-for]:not([data-stale])");

function show(view) {
  const marks = Object.entries(JSON.parse(answer()?.dataset.marks ?? "{}"));
  const found = marks.filter(([line, kind]) => Number(line) <= view.state.doc.lines && kind in KINDS);
  view.dispatch({ effects: setMarks.of(found.map(([line, kind]) => [view.state.doc.line(Number(line)).from, kind])) });
}

// The nodes of the tree that stand in the caret's line.
const fromCaret = EditorView.updateListener.of(({ state, selectionSet }) => {
  if (!selectionSet) return;
  const line = String(state.doc.lineAt(state.selection.main.head).number);
  for (const node of answer()?.querySelectorAll("[data-line]") ?? []) node.toggleAttribute("data-linked", node.dataset.line === line);
});

export const marks = [marked, linked, fromCaret, gutter({ class: "cm-marks", markers: (view) => view.state.field(marked) })];

export function listenToWhy(view) {
  const why = document.getElementById("why");
  if (!why) return;
  const point = (event) => {
    const line = Number(event.target.closest?.("[data-line]")?.dataset.line ?? 0);
    const at = line > 0 && line <= view.state.doc.lines && answer() ? view.state.doc.line(line).from : null;
    view.dispatch({ effects: setLinked.of(at) });
  };
  for (const type of ["pointerover", "focusin"]) why.addEventListener(type, point);
  why.addEventListener("pointerleave", () => view.dispatch({ effects: setLinked.of(null) }));
  why.addEventListener("htmx:afterSwap", () => show(view));
}

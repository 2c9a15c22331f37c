// Alt E: from the text, or from the pinned events, to why the chosen event matches or not, to the node of the caret's
// line; and from there back to the line of the node. The button in the page's head does the same.
export function goBetween(view) {
  const why = document.getElementById("why");
  if (!why) return;
  document.addEventListener("keydown", (event) => {
    if (!event.altKey || event.ctrlKey || event.metaKey || event.code !== "KeyE") return;
    event.preventDefault();
    if (why.contains(document.activeElement)) toText(view, document.activeElement);
    else toWhy(view, why);
  }, true);
  const button = document.querySelector("[data-to-why]");
  if (button) button.hidden = false;
  button?.addEventListener("click", () => toWhy(view, why));
}

function toWhy(view, why) {
  const { doc, selection } = view.state;
  const nodes = [...why.querySelectorAll(".why [data-line]")];
  const line = String(doc.lineAt(selection.main.head).number);
  const ofLine = nodes.filter((one) => one.dataset.line === line);
  const target = ofLine.find((one) => one.dataset.paths) ?? ofLine[0] ?? nodes[0] ?? why; // a test rather than what holds it
  for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  if (target === why) why.tabIndex = -1;
  target.focus();
  target.scrollIntoView({ block: "nearest" });
}

function toText(view, from) {
  const line = Number(from.closest("[data-line]")?.dataset.line ?? 0);
  if (line > 0 && line <= view.state.doc.lines) view.dispatch({ selection: { anchor: view.state.doc.line(line).to }, scrollIntoView: true });
  view.focus();
}

// Explanations: a rule's line, the nodes of its tree and the values of the event that it read are linked. Hovering or
// focusing one marks the others (`data-linked`). `data-line` is a line of the rule, `data-paths` are paths of the event,
// `data-path` is one value's. Also the button that
// prints.
const inside = (path, read) => path === read || path.startsWith(`${read}.`) || path.startsWith(`${read}[`);

const paths = (element) => JSON.parse(element.dataset.paths ?? "[]");

function linked(box, from) {
  const { line, path } = from.dataset;
  const all = [...box.querySelectorAll("[data-line], [data-path]")];
  if (path !== undefined) return all.filter((one) => one === from || paths(one).some((read) => inside(path, read)));
  const alike = all.filter((one) => one.dataset.line === line);
  const reads = alike.flatMap(paths);
  return all.filter((one) => one.dataset.line === line || (one.dataset.path !== undefined && reads.some((read) => inside(one.dataset.path, read))));
}

function mark(event) {
  const from = event.target.closest?.("[data-line], [data-path]");
  const box = event.target.closest?.("[data-explain]");
  for (const one of document.querySelectorAll("[data-linked]")) delete one.dataset.linked;
  if (!from || !box) return;
  for (const one of linked(box, from)) one.dataset.linked = "";
}

for (const type of ["pointerover", "focusin"]) document.addEventListener(type, mark);

// Beside the editor: pinning and removing events may change which is chosen without anybody choosing.
document.addEventListener("htmx:afterSettle", () => {
  const live = document.getElementById("why-live");
  const chosen = document.querySelector("#pins input[name=pin]:checked")?.value ?? "";
  if (live && live.dataset.pin !== chosen) document.getElementById("pins")?.dispatchEvent(new Event("change"));
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) print();
});

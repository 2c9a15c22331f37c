// The pinned events beside the editor: the line of the chosen event is marked, Alt J and Alt K choose the next and the
// previous one, also while typing. What is stale is the editor's matter. Before an event of a case becomes a test, its
// person is told who will read it.
const live = document.getElementById("pins-live");

if (live) {
  const dots = () => [...live.querySelectorAll("input[name=pin]")];

  const mark = () => {
    const chosen = dots().find((dot) => dot.checked);
    for (const row of live.querySelectorAll("label.test")) row.classList.toggle("test-chosen", row.htmlFor === chosen?.id);
  };

  document.addEventListener("keydown", (event) => {
    if (!event.altKey || event.ctrlKey || event.metaKey || !["KeyJ", "KeyK"].includes(event.code)) return;
    const all = dots();
    if (!all.length) return;
    event.preventDefault();
    const at = all.findIndex((dot) => dot.checked) + (event.code === "KeyJ" ? 1 : -1);
    const next = all[Math.min(all.length - 1, Math.max(0, at))];
    next.checked = true;
    next.dispatchEvent(new Event("change", { bubbles: true }));
  }, true);

  // A pin is seen by its owner alone; making it a test shows it to everybody, so that is asked, once a visit.
  let isTold = false;
  live.addEventListener("htmx:confirm", (event) => {
    const isCopy = event.target.matches("[data-copies]") && dots().find((dot) => dot.checked)?.matches("[data-of-case]");
    if (!isCopy || isTold) return;
    event.preventDefault();
    if (!confirm(live.dataset.copyQuestion)) return;
    isTold = true;
    event.detail.issueRequest(true);
  });

  live.addEventListener("pasted", () => {
    document.getElementById("pins-json").value = "";
  });
  live.addEventListener("change", mark);
  document.addEventListener("htmx:afterSettle", mark);
  mark();
}

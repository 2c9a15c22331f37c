// Findings while a text is written. The answer to an older text is never shown: it is dropped when the text
// has changed since it was asked for, and what is shown says that it is older until the new one is there.
const field = document.querySelector("textarea[data-live-check]");
const findings = document.getElementById("findings");

if (field && findings) {
  field.addEventListener("input", () => findings.setAttribute("aria-busy", "true"));

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.requestConfig.elt !== field) return;
    if (event.detail.requestConfig.parameters.text !== field.value) event.detail.shouldSwap = false;
    else findings.removeAttribute("aria-busy");
  });

  // A finding's line number leads to its place in the text.
  findings.addEventListener("click", (event) => {
    const place = event.target.closest("a[data-line]");
    if (!place) return;
    event.preventDefault();
    const before = field.value.split("\n").slice(0, Number(place.dataset.line) - 1);
    const at = before.reduce((sum, line) => sum + line.length + 1, 0) + Number(place.dataset.column) - 1;
    field.focus();
    field.setSelectionRange(at, at);
    field.scrollTop = Math.max(0, before.length * 20 - field.clientHeight / 3);
  });
}

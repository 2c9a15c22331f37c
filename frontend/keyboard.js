// Keys for what the page already shows: an element with data-key="j" is clicked (a field is focused) by that key.
// Two keys in a row are written with a space, "g r". Rows of a list marked data-rows are walked with j and k.
const typing = (element) => element.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
const shown = (element) => element.checkVisibility();

let before = "";

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented) return; // the editor has used it
  if (event.ctrlKey || event.metaKey || event.altKey) return withControl(event);
  if (typing(event.target)) {
    if (event.key === "Escape" && !event.target.closest(".cm-editor")) event.target.blur(); // there Esc, then Tab leaves
    return;
  }
  const combined = before ? `${before} ${event.key}` : event.key;
  before = event.key === "g" && !before ? "g" : "";
  if (act(combined) || walk(event.key)) event.preventDefault();
});

function withControl(event) {
  if (!event.ctrlKey && !event.metaKey) return;
  if (act(`Ctrl ${event.key}`)) event.preventDefault();
}

// True when something on the page answers to the key; the page comes before the frame around it.
function act(key) {
  const found = [...document.querySelectorAll("[data-key]")].filter((one) => one.dataset.key === key);
  const target = found.findLast(shown) ?? found.find((one) => one.hasAttribute("popovertarget")) ?? found.find((one) => one.matches("[data-key-hidden]"));
  if (!target) return false;
  if (typing(target)) {
    target.focus();
    target.select?.();
  } else {
    target.click();
  }
  return true;
}

function walk(key) {
  const rows = [...document.querySelectorAll("[data-rows] [data-row]")];
  if (!rows.length) return false;
  const at = rows.findIndex((row) => row.contains(document.activeElement) || row === document.activeElement);
  if (key === "j" || key === "k") {
    const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + (key === "j" ? 1 : -1)))];
    focusRow(next);
    return true;
  }
  if (key === "x" && at >= 0) {
    rows[at].querySelector("input[type=checkbox]")?.click();
    focusRow(rows[at]);
    return true;
  }
  if (key === "Enter" && at >= 0 && document.activeElement === rows[at]) {
    rows[at].querySelector("a")?.click();
    return true;
  }
  return false;
}

function focusRow(row) {
  row.tabIndex = -1;
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

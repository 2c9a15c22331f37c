// The value menu. A value is a link, <a class="val" data-menu href=ONLY data-field=.. data-value=.. data-not=EXCLUDE
// data-stack=STACK>: a click follows the link, Enter or a right click opens the menu. What a value has no address
// for is not offered. Values are evidence: they are only ever set as text.
let menu;
let opener;

document.addEventListener("contextmenu", (event) => {
  const value = event.target.closest("a.val[data-menu]");
  if (!value) return;
  event.preventDefault();
  open(value);
});

document.addEventListener("keydown", (event) => {
  const value = event.target.closest?.("a.val[data-menu]");
  if (!value || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = { Enter: () => open(value), f: () => value.click(), F: () => follow(value.dataset.not), y: () => copy(value.dataset.value), Y: () => copy(clause(value)) }[event.key];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  act();
}, true);

function open(value) {
  close();
  opener = value;
  menu = document.createElement("div");
  menu.className = "menu";
  menu.popover = "auto";
  menu.setAttribute("role", "menu");
  menu.setAttribute("aria-label", value.dataset.field ?? "value");
  menu.append(...entries(value));
  document.body.append(menu);
  value.setAttribute("aria-expanded", "true");
  menu.addEventListener("toggle", (event) => event.newState === "closed" && close());
  menu.addEventListener("keydown", walk);
  menu.showPopover();
  place(value);
  menu.querySelector("[role=menuitem]")?.focus();
}

function close() {
  if (!menu) return;
  const [closing, from] = [menu, opener];
  menu = opener = undefined;
  closing.remove();
  from.removeAttribute("aria-expanded");
  if (from.isConnected) from.focus({ preventScroll: true });
}

function entries(value) {
  const head = document.createElement("span");
  head.className = "menu-head muted";
  head.textContent = value.dataset.field ?? "";
  const found = [
    entry("i-only", "Only this value", "f", () => follow(value.href)),
    value.dataset.not && entry("i-minus", "Exclude it", "F", () => follow(value.dataset.not)),
    value.dataset.stack && entry("i-stack", `Stack by ${value.dataset.field}`, "", () => follow(value.dataset.stack)),
    entry("i-copy", "Copy the value", "y", () => copy(value.dataset.value)),
    entry("i-copy", "Copy as a Sigma clause", "Y", () => copy(clause(value))),
  ];
  return [head, ...found.filter(Boolean)];
}

function entry(icon, text, key, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "menu-item";
  button.setAttribute("role", "menuitem");
  const mark = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  mark.setAttribute("class", "icon");
  mark.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#${icon}`);
  mark.append(use);
  button.append(mark, text);
  if (key) {
    const hint = document.createElement("kbd");
    hint.textContent = key;
    button.append(hint);
  }
  button.addEventListener("click", () => {
    close();
    act();
  });
  return button;
}

// Under the value, and back inside the window where it would leave it. Numbers set one by one through the
// style object are allowed by the policy; only style attributes in markup are not.
function place(value) {
  const at = value.getBoundingClientRect();
  const size = menu.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.left, window.innerWidth - size.width - 8));
  const under = at.bottom + 4;
  const top = under + size.height > window.innerHeight ? Math.max(8, at.top - size.height - 4) : under;
  menu.style.left = `${left}px`;
  menu.style.top = `${top}px`;
}

function walk(event) {
  const items = [...menu.querySelectorAll("[role=menuitem]")];
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  event.stopPropagation();
  items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
}

function follow(address) {
  if (!address) return;
  const link = document.createElement("a");
  link.href = address;
  link.click();
}

function clause(value) {
  const text = value.dataset.value ?? "";
  // In Sigma a backslash before * ? or \ escapes it, and in YAML's single quotes only the quote is doubled.
  const sigma = text.replace(/\\(?=[*?\\])/g, "\\\\").replace(/[*?]/g, "\\$&");
  return `${value.dataset.field}: '${sigma.replaceAll("'", "''")}'`;
}

async function copy(text) {
  if (text === undefined) return;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https the clipboard is closed to pages; the value is shown selected, for Ctrl C.
    window.prompt("Copy with Ctrl C", text);
  }
}

// Picking events from a list: how many are picked, all of the page, Esc for none; and copying a text of the page.
const boxes = () => document.querySelectorAll("input[name=event][form=picked]");

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-pick-all]")) for (const box of boxes()) box.checked = event.target.checked;
  if (event.target.form?.id === "picked") tell();
});

document.addEventListener("reset", (event) => event.target.id === "picked" && setTimeout(tell));

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || document.querySelector(":popover-open, .pick[open]")) return;
  if ([...boxes()].some((box) => box.checked)) document.getElementById("picked").reset();
});

function tell() {
  const count = document.querySelector("[data-picked]");
  if (count) count.textContent = `${[...boxes()].filter((box) => box.checked).length} selected`;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent);
  const said = button.firstChild;
  said.textContent = "Copied ";
});

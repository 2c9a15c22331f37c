// A part of a page that is replaced keeps where its reader was: how far an element marked data-keep was
// scrolled, and whether it was open. Such an element has an id.
let kept = [];

document.addEventListener("htmx:beforeSwap", (event) => {
  const marked = event.detail.target.querySelectorAll("[data-keep]");
  kept = [...marked].map(({ id, scrollTop, open }) => ({ id, scrollTop, open }));
});

document.addEventListener("htmx:afterSwap", () => {
  for (const { id, scrollTop, open } of kept) {
    const element = document.getElementById(id);
    if (!element) continue;
    if (open !== undefined) element.open = open;
    element.scrollTop = scrollTop;
  }
});

import htmx from "htmx.org";

// The pages' meta tag "htmx-config" holds the settings: no eval, no scripts in answers, no history in web storage.
window.htmx = htmx;

// An answer of 422 is a form with its findings and 409 a page about a conflict: both are there to be seen.
document.addEventListener("htmx:beforeSwap", (event) => {
  if ([409, 422].includes(event.detail.xhr.status)) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});

function say(text) {
  const toast = document.createElement("p");
  toast.className = "toast toast-bad";
  toast.setAttribute("role", "alert");
  toast.textContent = text;
  document.getElementById("messages")?.replaceChildren(toast);
}

document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  say(`The server answered ${status}, so nothing was changed. Reload the page and try again.`);
});
document.addEventListener("htmx:sendError", () => say("The server did not answer, so nothing was changed. Try again."));

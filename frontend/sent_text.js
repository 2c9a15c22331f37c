// A text that the editor has sent and whose save led to another page is no longer unsaved (see editor/unsaved.js).
// When the server did not answer there is no such page, and the text stays kept.
const sent = sessionStorage.getItem("sigmaweb:sent");
if (sent) {
  sessionStorage.removeItem("sigmaweb:sent");
  const cameFromEditor = ["rules", "models"].some((room) => document.referrer.startsWith(`${location.origin}/${room}/`));
  if (cameFromEditor && !document.querySelector("textarea[data-editor]")) localStorage.removeItem(sent);
}

// A text that the editor has sent and whose save led to another page is no longer unsaved (see editor/unsaved.js).
// When the server did not answer there is no such page, and the text stays kept.
const sent = sessionStorage.getItem("sigmaweb:sent");
if (sent) {
  sessionStorage.removeItem("sigmaweb:sent");
  const cameFromEditor = document.referrer.startsWith(`${location.origin}/rules/`);
  if (cameFromEditor && !document.getElementById("rule-form")) localStorage.removeItem(sent);
}

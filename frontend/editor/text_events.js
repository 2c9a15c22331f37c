// Tells the page's panes that the text has changed, and keeps what is about an older text from looking current:
// an answer that comes late is dropped, and what is shown is marked until an answer about this text is there.
// An answer says in `data-for` which text it is about: its SHA-256 as UTF-8 with line feeds, in hex.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

const PAUSE_MS = 250;
const FOLLOWING = "#findings, #pins, #why"; // the parts of the page that follow the text

export class TextEvents {
  #form;
  #text;
  #timer;

  constructor(form, text) {
    this.#form = form;
    this.#text = text;
    document.addEventListener("htmx:beforeSwap", (event) => {
      const asked = event.detail.requestConfig.parameters?.text;
      const isLive = event.detail.target.closest?.(FOLLOWING) && event.detail.requestConfig.verb === "post";
      if (isLive && asked !== undefined && asked !== this.#text) event.detail.shouldSwap = false;
    });
    document.addEventListener("htmx:afterSwap", () => this.mark());
    this.mark();
  }

  // The text has changed; the panes are told when it rests.
  changed(text) {
    this.#text = text;
    for (const part of document.querySelectorAll("[data-for]")) part.toggleAttribute("data-stale", true);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.tell(), PAUSE_MS);
  }

  // The panes are told now, also when nothing has changed.
  tell() {
    clearTimeout(this.#timer);
    const detail = { text: this.#text, sha256: this.mark() };
    this.#form.dispatchEvent(new CustomEvent("sigmaweb:text", { detail, bubbles: true }));
  }

  mark() {
    const hash = bytesToHex(sha256(utf8ToBytes(this.#text)));
    for (const part of document.querySelectorAll("[data-for]")) part.toggleAttribute("data-stale", part.dataset.for !== hash);
    return hash;
  }
}

// Text that was not saved survives a closed tab: it is kept in this browser under what it is the text of and the version that
// it began with, and offered at the next visit. Nothing is replaced without being asked.
const KEPT = "sigmaweb:unsaved:";
const KEPT_DAYS = 30;

export class Unsaved {
  #form;
  #saved;

  constructor(form, saved) {
    this.#form = form;
    this.#saved = saved;
    forgetOld();
    form.addEventListener("submit", () => sessionStorage.setItem("sigmaweb:sent", this.#key));
  }

  get #rule() {
    return `${KEPT}${this.#form.dataset.user}:${this.#form.dataset.of}:`;
  }

  get #key() {
    return `${this.#rule}${this.#form.elements.base_version.value || "new"}`;
  }

  // A full or closed storage only costs this safety net; the text itself is in the form.
  keep(text) {
    try {
      if (text === this.#saved) localStorage.removeItem(this.#key);
      else localStorage.setItem(this.#key, JSON.stringify({ text, at: Date.now() }));
    } catch (error) {
      console.info("The text cannot be kept in this browser:", error.name);
    }
  }

  // Show the newest text that was kept and is not what the form holds; `restore` gets it when the person asks for it.
  offer(bar, now, restore) {
    const found = kept(this.#rule).filter((one) => one.text !== now).sort((a, b) => b.at - a.at)[0];
    if (!bar || !found) return;
    const base = found.key.slice(this.#rule.length);
    bar.querySelector("[data-when]").textContent = new Date(found.at).toLocaleString();
    bar.querySelector("[data-base]").textContent = base === "new" ? "" : `, begun with version ${base}`;
    bar.hidden = false;
    bar.querySelector("[data-restore]").addEventListener("click", () => {
      bar.hidden = true;
      restore(found.text);
    });
    bar.querySelector("[data-discard]").addEventListener("click", () => {
      bar.hidden = true;
      localStorage.removeItem(found.key);
    });
  }
}

function kept(prefix) {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(prefix));
  return keys.map((key) => ({ key, ...JSON.parse(localStorage.getItem(key)) }));
}

function forgetOld() {
  const oldest = Date.now() - KEPT_DAYS * 24 * 3600 * 1000;
  for (const { key, at } of kept(KEPT)) if (at < oldest) localStorage.removeItem(key);
}

// Sigma's words and the model's fields, from the server. The browser keeps each answer and asks whether it still holds.
const form = () => document.getElementById("rule-form");
const asked = new Map();

function ask(address) {
  if (!asked.has(address)) {
    const answer = fetch(address, { headers: { Accept: "application/json" } }).then((response) => {
      if (!response.ok) throw new Error(`${address} answered ${response.status}`);
      return response.json();
    });
    answer.catch(() => asked.delete(address)); // the next question asks again
    asked.set(address, answer);
  }
  return asked.get(address);
}

export const words = () => ask(form().dataset.words);

// { fields: { name: [{ lambda, events, paths }] } } of a log source under the default model.
export function fields(logsource) {
  return ask(`${form().dataset.fields}?${new URLSearchParams(logsource)}`);
}

// { events, fields: { name: count } } of the chosen case's evidence; null when no case is chosen.
export function counts(logsource) {
  const chosen = document.querySelector("[data-case-choice]")?.selectedOptions[0];
  const address = chosen?.dataset.fields;
  return address ? ask(`${address}?${new URLSearchParams(logsource)}`) : Promise.resolve(null);
}

export function share(field, counted) {
  if (!counted || !counted.events) return "";
  const count = counted.fields[field] ?? 0;
  const percent = (100 * count) / counted.events;
  const shown = count && percent < 0.1 ? "under 0.1" : percent.toFixed(percent < 10 ? 1 : 0);
  return `in ${count.toLocaleString("en")} of ${counted.events.toLocaleString("en")} events (${shown} %)`;
}

// The chosen case stays in the address, so that a reload or a colleague has it too.
document.addEventListener("change", ({ target }) => {
  if (!target.matches("[data-case-choice]")) return;
  const address = new URL(location.href);
  if (target.value) address.searchParams.set("case", target.value);
  else address.searchParams.delete("case");
  history.replaceState(history.state, "", address);
});

/** What every view of a board has in common: its state in words, how many play, and what stands where rows are missing. */
import { numbers } from "./row.js";

/** @param {string} id */
export function find(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** @param {string} state @param {string} words */
export function showState(state, words) {
  const pill = find("state");
  pill.dataset.state = state;
  // A status that says the same word again would be read out again.
  if (pill.textContent !== words) pill.textContent = words;
}

/** @param {number | null} total null while it is unknown */
export function showTotal(total) {
  find("players").hidden = total === null;
  if (total === null) return;
  find("total").textContent = numbers.format(total);
  find("total-unit").textContent = total === 1 ? "player" : "players";
}

/**
 * The table, or what stands in its place.
 * @param {"rows" | "loading" | "empty" | "lost"} kind @param {string} [title] @param {string} [detail]
 */
export function showStage(kind, title = "", detail = "") {
  find("board").hidden = kind !== "rows";
  find("skeleton").hidden = kind !== "loading";
  const placeholder = find("placeholder");
  placeholder.hidden = !title;
  if (!title) return;
  placeholder.dataset.kind = kind;
  const [first, second] = placeholder.querySelectorAll("p");
  first.textContent = title;
  second.textContent = detail;
}

/** What is heard rather than seen. @param {string} words */
export function say(words) {
  find("news").textContent = words;
}

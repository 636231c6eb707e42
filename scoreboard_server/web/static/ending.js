/** A season has ended while somebody watched: who won, said once and kindly, beside the board that begins anew. */
import { readFinal } from "./final.js";
import { numbers } from "./row.js";
import { find, say } from "./stage.js";
import { hrefOf } from "./place.js";

const WALL_MS = 600_000;

const box = find("ended");
const [text, button] = /** @type {HTMLElement[]} */ ([...box.children]);
const [title, result, link] = /** @type {[HTMLElement, HTMLElement, HTMLAnchorElement]} */ (
  /** @type {unknown} */ ([...text.children]));
let reading = new AbortController();
let hiding = 0;

button.addEventListener("click", () => {
  dropEnding();
  find("board-title").focus();
});

/** @param {string} season that has ended */
export async function tellEnding(season) {
  dropEnding();
  const mine = reading = new AbortController();
  title.textContent = `${season} has ended.`;
  link.href = hrefOf(season);
  result.hidden = true;
  box.hidden = false;
  if (document.documentElement.classList.contains("wall")) hiding = window.setTimeout(dropEnding, WALL_MS);
  try {
    const { leaderboard: [winner] } = await readFinal(season, { limit: 1, signal: mine.signal });
    const [name, points] = result.children;
    name.textContent = winner ? winner.username || winner.userId : "";
    points.textContent = winner ? `won with ${numbers.format(winner.score)}.` : "Nobody had scored.";
    result.hidden = false;
  } catch {
    // The link leads to who won, when that can be read again.
  }
  if (!mine.signal.aborted) say(text.innerText);
}

export function dropEnding() {
  reading.abort();
  clearTimeout(hiding);
  box.hidden = true;
}

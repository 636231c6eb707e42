/**
 * Past seasons to choose from.
 *
 * @typedef {import("./seasons.js").Season} Season
 */
import { days } from "./countdown.js";
import { hrefOf } from "./place.js";
import { find } from "./stage.js";

const list = find("past-seasons");
let offered = "";

/** @param {Season[]} seasons @param {string | null} shown */
export function offerPast(seasons, shown) {
  const sealed = seasons.filter(({ state }) => state === "sealed");
  const names = sealed.map(({ name }) => name).join(" ");
  // What is the same stays untouched, and whoever is about to choose keeps their place.
  if (names !== offered) list.replaceChildren(...sealed.map(item));
  offered = names;
  /** @type {HTMLElement} */ (list.parentElement).hidden = !sealed.length;
  markPast(shown);
}

/** @param {string | null} shown */
export function markPast(shown) {
  for (const link of list.querySelectorAll("a")) {
    if (link.dataset.view === shown) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** @param {Season} season */
function item({ name, sealedAt }) {
  const link = document.createElement("a");
  link.href = hrefOf(name);
  link.dataset.view = name;
  link.textContent = name;
  const time = document.createElement("time");
  time.dateTime = sealedAt ?? "";
  time.textContent = days.format(Date.parse(sealedAt ?? ""));
  const entry = document.createElement("li");
  entry.append(link, " ", time);
  return entry;
}

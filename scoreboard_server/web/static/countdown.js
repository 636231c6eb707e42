/**
 * The season's name, and how long it still goes, by the server's clock.
 *
 * @typedef {import("./seasons.js").Season} Season
 */
import { find } from "./stage.js";
import { serverNow } from "./seasons.js";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

export const days = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });
const moments = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const [name, end] = /** @type {HTMLElement[]} */ ([...find("season").children]);
const [label, time] = /** @type {[HTMLElement, HTMLTimeElement]} */ (/** @type {unknown} */ ([...end.children]));

/** @type {number | null} */
let endsAt = null;
let ticking = 0;

// Timers of a hidden page are late.
document.addEventListener("visibilitychange", tick);

/** @param {Season | null} season null when nobody knows how long it goes: its name stays */
export function showSeason(season) {
  if (season) showName(season.name);
  endsAt = season?.endsAt ? Date.parse(season.endsAt) : null;
  end.hidden = endsAt === null;
  if (endsAt === null) label.textContent = time.textContent = "";
  else setTime(endsAt);
  tick();
}

/** @param {string} season @param {string} sealedAt */
export function showEnd(season, sealedAt) {
  hideSeason();
  showName(season);
  const at = Date.parse(sealedAt);
  setTime(at);
  label.textContent = "ended";
  time.textContent = moments.format(at);
  end.hidden = false;
}

export function hideSeason() {
  showSeason(null);
  showName("");
}

/** @param {string} text */
function showName(text) {
  name.textContent = name.title = text;
}

/** @param {number} at */
function setTime(at) {
  time.dateTime = new Date(at).toISOString();
  time.title = moments.format(at);
}

function tick() {
  clearTimeout(ticking);
  if (endsAt === null) return;
  const left = endsAt - serverNow();
  label.textContent = left > 0 ? "ends in" : "is ending";
  time.textContent = left > 0 ? inWords(left) : "";
  if (left <= 0) return;
  const step = left > HOUR_MS ? MINUTE_MS : SECOND_MS;
  // A moment after the words change.
  ticking = window.setTimeout(tick, left % step + 5);
}

/** A second that has begun counts, so that nothing is left when it says nothing. @param {number} ms */
function inWords(ms) {
  if (ms <= HOUR_MS) {
    const seconds = Math.ceil(ms / SECOND_MS);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
  const minutes = Math.ceil(ms / MINUTE_MS);
  if (minutes <= 24 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.ceil(ms / HOUR_MS);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How old is what is seen: the last change while it is live, the last moment of trust when it is not. */

const TICK_MS = 5_000;

const clock = new Intl.DateTimeFormat([], { timeStyle: "medium" });
const calendar = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "medium" });
const line = /** @type {HTMLElement} */ (document.getElementById("freshness"));
const [label, time] = /** @type {[HTMLElement, HTMLTimeElement]} */ (/** @type {unknown} */ ([...line.children]));

let seen = false;
/** @type {number | null} */
let changedAt = null;
/** @type {number | null} */
let lostAt = null;

setInterval(show, TICK_MS);

/** The board has changed. @param {string | null} epoch of a board that is new to this page: its age is asked for */
export function startAgeing(epoch) {
  seen = true;
  if (epoch) return askAge();
  changedAt = Date.now();
  show();
}

/** @param {boolean} live @param {number} [heardAt] when the server was last heard; a loss is noticed later */
export function showFreshness(live, heardAt) {
  if (live || !seen) lostAt = null;
  else lostAt ??= heardAt || Date.now();
  show();
}

/** There is no live board to tell the age of. */
export function stopAgeing() {
  seen = false;
  changedAt = lostAt = null;
  show();
}

async function askAge() {
  changedAt = null;
  try {
    const response = await fetch("/api/leaderboard?limit=1");
    const { lastUpdated } = await response.json();
    // Both times by the server's clock: this one may be wrong.
    const age = Date.parse(response.headers.get("Date") ?? "") - Date.parse(lastUpdated);
    if (seen && changedAt === null && age >= -1000) changedAt = Date.now() - Math.max(0, age);
  } catch {
    // Only a nicety.
  }
  show();
}

function show() {
  document.body.classList.toggle("stale", lostAt !== null);
  line.hidden = lostAt === null && changedAt === null;
  if (line.hidden) return;
  label.textContent = lostAt === null ? "Last change" : "As of";
  time.dateTime = new Date(lostAt ?? changedAt ?? 0).toISOString();
  time.textContent = lostAt === null ? ago(Date.now() - (changedAt ?? 0)) : moment(lostAt);
}

/** @param {number} at */
function moment(at) {
  const isToday = new Date(at).toDateString() === new Date().toDateString();
  return (isToday ? clock : calendar).format(at);
}

/** @param {number} ms */
function ago(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${seconds - (seconds % 5)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

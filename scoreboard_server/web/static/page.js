import { connect } from "./scoreboard.js";

/** @typedef {import("./scoreboard.js").Row} Row */
/** @typedef {import("./scoreboard.js").Board} Board */
/** @typedef {{el: HTMLElement, rank: HTMLElement, avatar: HTMLElement, name: HTMLElement, score: HTMLElement,
 *   row: Row | null, glide?: Animation, flash?: Animation}} View */
/** @typedef {{place: number, seen: number}} Position */

const GLIDE = { duration: 550, easing: "cubic-bezier(0.2, 0.8, 0.2, 1)" };
const FLASH = { duration: 1600, easing: "ease-out", pseudoElement: "::after" };
const NEWS_EVERY_MS = 5_000;
const STATE_WORDS = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting", closed: "Disconnected" };

// The page's words are English, and so its digits are grouped the same way for everyone.
const numbers = new Intl.NumberFormat(document.documentElement.lang);
const clock = new Intl.DateTimeFormat([], { timeStyle: "medium" });
const graphemes = new Intl.Segmenter();
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const list = find("board");
const rowTemplate = /** @type {HTMLTemplateElement} */ (find("row"));

/** @type {Map<string, View>} */
const views = new Map();
/** @type {Board | null} */
let shown = null;
/** @type {Date | null} */
let lastLive = null;
let leaderTold = "";
let newsTimer = 0;

connect({ onBoard: showBoard, onState: ({ state }) => showState(state) });

/** @param {string} id */
function find(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** @param {Board} board */
function showBoard(board) {
  const before = measure();
  const first = shown === null;
  shown = board;
  keepOnly(board.rows);
  board.rows.forEach(placeRow);
  if (!first) animate(before);
  showTotal(board.totalUsers);
  showPlaceholder("live");
  newsTimer ||= window.setTimeout(tellLeader, NEWS_EVERY_MS);
}

/** @param {import("./scoreboard.js").State} state */
function showState(state) {
  const pill = find("state");
  if (pill.dataset.state === "live" && state !== "live") lastLive = new Date();
  // A status that says the same word again would be read out again.
  if (pill.textContent !== STATE_WORDS[state]) pill.textContent = STATE_WORDS[state];
  pill.dataset.state = state;
  showAge(state === "live");
  showPlaceholder(state);
}

/** @param {boolean} live */
function showAge(live) {
  const stale = !live && lastLive !== null;
  document.body.classList.toggle("stale", stale);
  find("as-of").hidden = !stale;
  if (!stale || !lastLive) return;
  const time = /** @type {HTMLTimeElement} */ (document.querySelector("#as-of time"));
  time.dateTime = lastLive.toISOString();
  time.textContent = clock.format(lastLive);
}

/** @param {number} total */
function showTotal(total) {
  find("total").textContent = numbers.format(total);
  find("total-unit").textContent = total === 1 ? "player" : "players";
  find("summary").hidden = false;
}

/** @param {import("./scoreboard.js").State} state */
function showPlaceholder(state) {
  const placeholder = find("placeholder");
  const words = wordsWithoutRows(state);
  list.hidden = words !== null;
  placeholder.hidden = words === null;
  if (!words) return;
  placeholder.children[0].textContent = words[0];
  placeholder.children[1].textContent = words[1];
}

/** @param {import("./scoreboard.js").State} state */
function wordsWithoutRows(state) {
  if (shown?.rows.length) return null;
  if (shown) return ["No scores yet…", "The first player to score takes the lead."];
  if (state === "connecting" || state === "live") return ["Fetching the board…", "It will be here in a moment."];
  return ["The board can’t be reached.", "Trying again; there is no need to reload."];
}

/** @param {Row[]} rows */
function keepOnly(rows) {
  const staying = new Set(rows.map((row) => row.userId));
  for (const [userId, view] of views) {
    if (staying.has(userId)) continue;
    view.el.remove();
    views.delete(userId);
  }
}

/** @param {Row} row @param {number} index */
function placeRow(row, index) {
  const view = views.get(row.userId) ?? newView(row.userId);
  fill(view, row);
  // Rows that are in place stay untouched, so that a reader's place in the list survives.
  const there = list.children[index] ?? null;
  if (there !== view.el) list.insertBefore(view.el, there);
}

/** @param {string} userId @returns {View} */
function newView(userId) {
  const copy = /** @type {DocumentFragment} */ (rowTemplate.content.cloneNode(true));
  /** @param {string} selector */
  const part = (selector) => /** @type {HTMLElement} */ (copy.querySelector(selector));
  const view = { el: part(".row"), rank: part(".rank"), avatar: part(".avatar"),
    name: part(".name"), score: part(".score"), row: null };
  view.el.dataset.userId = userId;
  view.avatar.style.setProperty("--hue", String(hue(userId)));
  views.set(userId, view);
  return view;
}

/** @param {View} view @param {Row} row */
function fill(view, row) {
  const old = view.row;
  view.row = row;
  view.el.dataset.rank = view.rank.textContent = String(row.rank);
  view.score.textContent = numbers.format(row.score);
  if (old && row.score > old.score) flash(view);
  if (old?.username === row.username && old?.avatarUrl === row.avatarUrl) return;
  const name = row.username || row.userId;
  view.name.textContent = view.name.title = name;
  showAvatar(view.avatar, row.avatarUrl, name);
}

/** @param {HTMLElement} avatar @param {string | null} url @param {string} name */
function showAvatar(avatar, url, name) {
  avatar.textContent = initials(name);
  avatar.classList.remove("pictured");
  if (!url?.startsWith("https://")) return;
  const image = document.createElement("img");
  image.alt = "";
  image.decoding = "async";
  image.loading = "lazy";
  image.referrerPolicy = "no-referrer";
  image.onload = () => avatar.classList.add("pictured");
  image.onerror = () => image.remove();
  image.src = url;
  avatar.append(image);
}

/** @param {string} name */
function initials(name) {
  const words = name.split(/[\s\p{P}\p{Sm}]+/u).filter(Boolean);
  const letters = (words.length > 1 ? [words[0], words[words.length - 1]] : [words[0] ?? name]).map(firstLetter);
  return letters.join("").toLocaleUpperCase();
}

/** @param {string} word */
function firstLetter(word) {
  return graphemes.segment(word)[Symbol.iterator]().next().value?.segment ?? "";
}

/** @param {string} userId */
function hue(userId) {
  let hash = 0;
  for (const letter of userId) hash = (hash * 31 + letter.charCodeAt(0)) % 360;
  // The golden angle: ids that differ by one, as they often do, get colours that differ a lot.
  return (hash * 137) % 360;
}

/** @param {View} view */
function flash(view) {
  view.flash?.cancel();
  view.flash = view.el.animate({ opacity: [1, 0] }, FLASH);
}

/**
 * Where rows belong and where they are seen: the two differ in mid-glide.
 * @returns {Map<string, Position>}
 */
function measure() {
  const origin = list.getBoundingClientRect().top;
  return new Map([...views].map(([userId, { el }]) =>
    [userId, { place: el.offsetTop, seen: el.getBoundingClientRect().top - origin }]));
}

/** @param {Map<string, Position>} before */
function animate(before) {
  if (calm.matches) return;
  for (const [userId, view] of views) {
    const from = before.get(userId);
    if (from) glide(view, from);
    else view.el.animate({ opacity: [0, 1] }, GLIDE);
  }
}

/** @param {View} view @param {Position} from */
function glide(view, from) {
  const place = view.el.offsetTop;
  // A row already on its way to this place keeps its pace.
  if (place === from.place) return;
  const zIndex = from.place > place ? 2 : 1;
  view.glide?.cancel();
  view.glide = view.el.animate([
    { transform: `translateY(${from.seen - place}px)`, zIndex },
    { transform: "none", zIndex },
  ], GLIDE);
}

function tellLeader() {
  newsTimer = 0;
  const leader = shown?.rows[0];
  if (!leader || leader.userId === leaderTold) return;
  leaderTold = leader.userId;
  find("news").textContent = `${leader.username || leader.userId} leads with ${numbers.format(leader.score)} points.`;
}

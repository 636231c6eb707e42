/**
 * One player's line: who it is, the score counting up, and an arrow while the place has just changed.
 *
 * @typedef {import("./scoreboard.js").Row} Row
 * @typedef {{el: HTMLElement, rank: HTMLElement, avatar: HTMLElement, name: HTMLElement, you: HTMLElement,
 *   note: HTMLElement, move: HTMLElement, score: HTMLElement, row: Row | null, shownScore: number, counting: number,
 *   cameFrom: number | null, arrowTimer: number, flash?: Animation, glide?: Animation}} View
 */

const FLASH = { duration: 1600, easing: "ease-out", pseudoElement: "::after" };
const COUNT_MS = 700;
const ARROW_MS = 12_000;

// The page's words are English, and so its digits are grouped the same way for everyone.
export const numbers = new Intl.NumberFormat(document.documentElement.lang);
export const calm = matchMedia("(prefers-reduced-motion: reduce)");

const graphemes = new Intl.Segmenter();
const template = /** @type {HTMLTemplateElement} */ (document.getElementById("row"));

/** @param {string} userId @param {"li" | "div"} element @returns {View} */
export function newRow(userId, element) {
  const el = document.createElement(element);
  el.className = "row";
  el.dataset.userId = userId;
  el.append(template.content.cloneNode(true));
  /** @param {string} name */
  const part = (name) => /** @type {HTMLElement} */ (el.querySelector(`.${name}`));
  const view = { el, rank: part("rank"), avatar: part("avatar"), name: part("name"), you: part("you"),
    note: part("note"), move: part("move"), score: part("score"), row: null, shownScore: 0, counting: 0,
    cameFrom: null, arrowTimer: 0 };
  view.avatar.style.setProperty("--hue", String(hue(userId)));
  return view;
}

/** @param {View} view @param {Row} row */
export function fillRow(view, row) {
  const old = view.row;
  view.row = row;
  view.el.dataset.rank = String(row.rank);
  view.rank.textContent = numbers.format(row.rank);
  if (old && old.rank !== row.rank) showMove(view, old.rank, row.rank);
  if (old?.score !== row.score) showScore(view, old?.score ?? row.score, row.score);
  if (old?.username === row.username && old?.avatarUrl === row.avatarUrl) return;
  const name = row.username.trim() || row.userId;
  view.name.textContent = view.name.title = name;
  showAvatar(view.avatar, row.avatarUrl, name);
}

/** @param {View} view @param {boolean} own */
export function markOwn(view, own) {
  view.el.toggleAttribute("data-own", own);
  view.you.hidden = !own;
}

/** @param {View} view */
export function dropRow(view) {
  clearTimeout(view.arrowTimer);
  cancelAnimationFrame(view.counting);
  view.el.remove();
}

/** Places won or lost since it last stood still. @param {View} view @param {number} from @param {number} to */
function showMove(view, from, to) {
  view.cameFrom ??= from;
  const places = view.cameFrom - to;
  view.move.hidden = places === 0;
  view.move.dataset.way = places > 0 ? "up" : "down";
  view.move.children[0].textContent = places > 0 ? "up " : "down ";
  view.move.children[1].textContent = numbers.format(Math.abs(places));
  clearTimeout(view.arrowTimer);
  view.arrowTimer = window.setTimeout(() => {
    view.cameFrom = null;
    view.move.hidden = true;
  }, ARROW_MS);
}

/** @param {View} view @param {number} from @param {number} to */
function showScore(view, from, to) {
  cancelAnimationFrame(view.counting);
  if (to > from && !calm.matches) flash(view);
  // Frames stand still in a hidden page, and numbers with them.
  if (to <= from || calm.matches || document.hidden) return writeScore(view, to);
  const begin = view.shownScore || from;
  const start = performance.now();
  /** @param {number} now */
  const count = (now) => {
    const part = Math.min(1, Math.max(0, now - start) / COUNT_MS);
    writeScore(view, Math.round(begin + (to - begin) * (1 - (1 - part) ** 3)));
    if (part < 1) view.counting = requestAnimationFrame(count);
  };
  view.counting = requestAnimationFrame(count);
}

/** @param {View} view @param {number} score */
function writeScore(view, score) {
  view.shownScore = score;
  view.score.textContent = numbers.format(score);
}

/** @param {View} view */
function flash(view) {
  view.flash?.cancel();
  view.flash = view.el.animate({ opacity: [1, 0] }, FLASH);
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
  // The golden angle: ids that count on by one, as they often do, get colours that differ a lot.
  let hash = 0;
  for (const letter of userId) hash = (hash * 10 + letter.charCodeAt(0)) >>> 0;
  return Math.round(hash * 137.508) % 360;
}

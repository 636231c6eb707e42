/**
 * The table: each player's line in its place, gliding there from where it was.
 *
 * @typedef {import("./scoreboard.js").Row} Row
 * @typedef {import("./row.js").View} View
 * @typedef {{place: number, seen: number}} Position
 */
import { calm, dropRow, fillRow, markOwn, newRow } from "./row.js";

const GLIDE = { duration: 650, easing: "cubic-bezier(0.2, 0.8, 0.2, 1)" };

const list = /** @type {HTMLElement} */ (document.getElementById("board"));
/** @type {Map<string, View>} */
const views = new Map();
/** @type {string | null} */
let ownId = null;

/** @param {Row[]} rows @param {boolean} still no motion: there was no board before this one */
export function showRows(rows, still) {
  const before = measure();
  keepOnly(rows);
  rows.forEach(placeRow);
  if (!still && !calm.matches && !document.hidden) animate(before);
}

/** @param {string | null} userId whose line is marked as the reader's own */
export function markRowOf(userId) {
  ownId = userId;
  for (const [id, view] of views) markOwn(view, id === userId);
}

/** @param {Row[]} rows */
function keepOnly(rows) {
  const staying = new Set(rows.map((row) => row.userId));
  for (const [userId, view] of views) {
    if (staying.has(userId)) continue;
    dropRow(view);
    views.delete(userId);
  }
}

/** @param {Row} row @param {number} index */
function placeRow(row, index) {
  const view = views.get(row.userId) ?? addRow(row.userId);
  fillRow(view, row);
  // Rows that are in place stay untouched, so that a reader's place in the list survives.
  const there = list.children[index] ?? null;
  if (there !== view.el) list.insertBefore(view.el, there);
}

/** @param {string} userId */
function addRow(userId) {
  const view = newRow(userId, "li");
  markOwn(view, userId === ownId);
  views.set(userId, view);
  return view;
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
  for (const [userId, view] of views) {
    const from = before.get(userId);
    if (from) glide(view, from);
    else view.el.animate({ opacity: [0, 1], transform: ["translateY(100%)", "none"] }, GLIDE);
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

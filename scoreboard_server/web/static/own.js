/**
 * The reader's own place: marked in the table, or pinned below it with what is missing to get in.
 *
 * @typedef {import("./scoreboard.js").Row} Row
 * @typedef {import("./scoreboard.js").Board} Board
 * @typedef {import("./scoreboard.js").Score} Score
 */
import { dropRow, fillRow, markOwn, newRow, numbers } from "./row.js";
import { markRowOf } from "./rows.js";

const box = /** @type {HTMLElement} */ (document.getElementById("own"));
/** @type {{userId: string, token: string, view: import("./row.js").View, row: Row | null, looked: boolean} | null} */
let me = null;
/** @type {{epoch?: string, rows: Row[]} | null} */
let board = null;
let told = 0;

/** Again at each opening of the socket: what happened meanwhile is made up. @param {string} userId @param {string} token */
export function follow(userId, token) {
  if (me?.userId !== userId) {
    forget();
    me = { userId, token, view: newRow(userId, "div"), row: null, looked: false };
    mark();
  }
  me.token = token;
  look();
}

function mark() {
  if (!me) return;
  markOwn(me.view, true);
  box.replaceChildren(me.view.el);
  markRowOf(me.userId);
}

export function forget() {
  if (me) dropRow(me.view);
  me = null;
  markRowOf(null);
  show();
}

/** A place on a board that stands still. @param {Row | null} row @param {string | null} userId @param {Row[]} rows */
export function pin(row, userId, rows) {
  forget();
  board = { rows };
  const id = row?.userId ?? userId ?? "Your place";
  me = { userId: id, token: "", view: newRow(id, "div"), row, looked: true };
  mark();
  show();
}

/** @param {Board} next */
export function followBoard(next) {
  const was = rowInTable();
  const isNew = board !== null && board.epoch !== next.epoch;
  board = next;
  // What was a place on another board, as of a season that has ended, says nothing about this one.
  if (me && was && !rowInTable()) Object.assign(me, { row: was, looked: !isNew });
  if (me && !rowInTable() && (was || isNew)) look();
  show();
}

export function leaveBoard() {
  board = null;
  forget();
}

/** @param {Score} score */
export function followScore({ newScore, leaderboardPosition }) {
  if (!me || rowInTable()) return;
  told++;
  if (leaderboardPosition === null) me.row = null;
  else if (me.row) me.row = { ...me.row, score: newScore, rank: leaderboardPosition };
  else look();
  show();
}

/** The reader's place, or null. @returns {Row | null} */
export function ownRow() {
  return rowInTable() ?? me?.row ?? null;
}

/** Others move a place as well, and no message tells. */
export function lookAgain() {
  if (me && !rowInTable()) look();
}

function rowInTable() {
  return board?.rows.find((row) => row.userId === me?.userId) ?? null;
}

async function look() {
  const [asker, toldBefore] = [me, told];
  if (!asker) return;
  try {
    const response = await fetch(`/api/leaderboard?users=${encodeURIComponent(asker.userId)}`, {
      headers: { Authorization: `Bearer ${asker.token}` },
    });
    if (!response.ok) return;
    const { leaderboard } = await response.json();
    // What the socket has told meanwhile is newer.
    if (me !== asker || told !== toldBefore && asker.row) return;
    asker.row = leaderboard[0] ?? null;
    asker.looked = true;
    show();
  } catch {
    // Not reached: the socket says so, and the next look comes anyway.
  }
}

function show() {
  const row = me && !rowInTable() ? me.row : null;
  box.hidden = !me || !me.looked || rowInTable() !== null;
  if (!me || box.hidden) return;
  me.view.el.classList.toggle("nowhere", row === null);
  if (row) fillRow(me.view, row);
  else me.view.name.textContent = me.userId;
  me.view.note.textContent = noteOf(row);
  me.view.note.hidden = !me.view.note.textContent;
}

/** @param {Row | null} row */
function noteOf(row) {
  const isFinal = board !== null && !board.epoch;
  if (!row) return isFinal ? "Not on this final board." : "Not on the board yet: a first task gets you there.";
  return isFinal ? "" : missing(row);
}

/** @param {Row} row */
function missing({ score }) {
  const last = board?.rows[board.rows.length - 1];
  if (!last) return "";
  // Who comes first to a score stays ahead.
  return `${numbers.format(last.score - score + 1)} more for place ${numbers.format(last.rank)}`;
}

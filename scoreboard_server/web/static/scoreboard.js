/**
 * The board, live, over a WebSocket that mends itself; for browsers and Node.
 *
 * @typedef {{userId: string, username: string, avatarUrl: string | null, score: number, rank: number}} Row
 * @typedef {{epoch: string, version: number, totalUsers: number, rows: Row[]}} Board
 * @typedef {{epoch: string, version: number, snapshot: boolean,
 *   data: {updatedPositions: Row[], removed: string[], totalUsers: number}}} Update
 * @typedef {"connecting" | "live" | "reconnecting" | "closed"} State
 * @typedef {{retryInMs?: number, code?: string, message?: string, userId?: string, expiresAt?: string}} Detail
 * @typedef {object} Options
 * @property {string} [url] the page's own /ws by default
 * @property {string | (() => string)} [token]
 * @property {new (url: string) => WebSocket} [WebSocket]
 * @property {(board: Board) => void} [onBoard]
 * @property {(score: {newScore: number, leaderboardPosition: number, change: number}) => void} [onScore]
 * @property {(state: {state: State} & Detail) => void} [onState]
 */

const PING_EVERY_MS = 25_000;
const ANSWER_WITHIN_MS = 10_000;
const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 15_000;

/**
 * The board after a message, or null when the two are out of step.
 * @type {(board: Board | null, message: Update) => Board | null}
 */
export function applyUpdate(board, { epoch, version, snapshot, data }) {
  const base = snapshot ? { epoch, version: version - 1, rows: [] } : board;
  if (!base || base.epoch !== epoch || base.version + 1 !== version) return null;

  const rows = new Map(base.rows.map((row) => [row.userId, row]));
  for (const userId of data.removed) rows.delete(userId);
  for (const row of data.updatedPositions) rows.set(row.userId, row);
  const ranked = [...rows.values()].sort((a, b) => a.rank - b.rank);
  return { epoch, version, totalUsers: data.totalUsers, rows: ranked };
}

/** @type {(options: Options) => {close(): void}} */
export function connect({ url, token, WebSocket = globalThis.WebSocket, onBoard, onScore, onState }) {
  /** @type {State} */ let state = "connecting";
  /** @type {Board | null} */ let board = null;
  /** @type {WebSocket | null} */ let socket = null;
  /** @type {any} */ const timers = {};
  let failures = 0;

  /** @type {Record<string, (message: any) => void>} */ const handlers = {
    "leaderboard.update": update,
    "user.scoreUpdate": ({ data }) => onScore?.(data),
    "auth.ok": ({ userId, expiresAt }) => report(state, { userId, expiresAt }),
    error: ({ code, message }) => report(state, { code, message }),
  };

  /** @param {State} next @param {Detail} [detail] */
  function report(next, detail) {
    state = next;
    onState?.({ state, ...detail });
  }

  function open() {
    clearTimeout(timers.retry);
    timers.retry = null;
    board = null;
    socket = new WebSocket(url ?? new URL("/ws", location.href).href.replace(/^http/, "ws"));
    socket.onopen = greet;
    socket.onmessage = ({ data }) => receive(data);
    socket.onclose = reconnect;
    // Some clients throw an unheard error; a close follows anyway.
    socket.onerror = () => {};
    expectAnswer();
  }

  function greet() {
    timers.ping = setInterval(ping, PING_EVERY_MS);
    // Asked for at every open: tokens expire.
    const secret = typeof token === "function" ? token() : token;
    if (secret) socket?.send(JSON.stringify({ type: "auth", token: secret }));
  }

  function ping() {
    if (socket?.readyState === 1) socket.send('{"type":"ping"}');
    expectAnswer();
  }

  function expectAnswer() {
    clearTimeout(timers.answer);
    timers.answer = setTimeout(reconnect, ANSWER_WITHIN_MS);
  }

  /** @param {string} text */
  function receive(text) {
    clearTimeout(timers.answer);
    const message = JSON.parse(text);
    handlers[message.type]?.(message);
  }

  /** @param {Update} message */
  function update(message) {
    board = applyUpdate(board, message);
    if (!board) return reconnect();
    if (message.snapshot) failures = 0;
    if (state !== "live") report("live");
    if (socket) onBoard?.(board);
  }

  function reconnect() {
    drop();
    // Full jitter: a server that comes back isn't met by everyone at once.
    const retryInMs = Math.random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** failures++);
    timers.retry = setTimeout(open, retryInMs);
    report("reconnecting", { retryInMs });
  }

  function drop() {
    for (const timer of Object.values(timers)) clearTimeout(timer);
    if (!socket) return;
    // A dead peer never answers the close, so its event can't be waited for.
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    socket = null;
  }

  function online() {
    if (timers.retry) open();
    else ping();
  }

  function close() {
    if (state === "closed") return;
    drop();
    globalThis.removeEventListener?.("online", online);
    report("closed");
  }

  globalThis.addEventListener?.("online", online);
  report(state);
  open();
  return { close };
}

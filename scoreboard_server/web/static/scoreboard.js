/**
 * The board, live, over a WebSocket that mends itself; for browsers and Node.
 *
 * @typedef {{userId: string, username: string, avatarUrl: string | null, score: number, rank: number}} Row
 * @typedef {{epoch: string, version: number, totalUsers: number, rows: Row[]}} Board
 * @typedef {{epoch: string, version: number, snapshot: boolean,
 *   data: {updatedPositions: Row[], removed: string[], totalUsers: number}}} Update
 * @typedef {{newScore: number, leaderboardPosition: number | null, change: number}} Score
 * @typedef {{state: "connecting" | "live" | "reconnecting" | "closed", retryInMs?: number,
 *   code?: string, message?: string, userId?: string, expiresAt?: string}} Status
 * @typedef {string | null | (() => string | null)} Token a function is asked at every opening
 * @typedef {{url?: string, token?: Token, WebSocket?: new (url: string) => WebSocket,
 *   onBoard?: (board: Board) => void, onScore?: (score: Score) => void, onState?: (status: Status) => void}} Options
 */

const PING_EVERY_MS = 25_000;
const ANSWER_WITHIN_MS = 8_000;
const RETRY_MS = 500;
const RETRY_CAP_MS = 15_000;

/** @type {(board: Board | null, message: Update) => Board | null} null when the two are out of step */
export function applyUpdate(board, { epoch, version, snapshot, data }) {
  const base = snapshot ? { epoch, version: version - 1, rows: [] } : board;
  if (base?.epoch !== epoch || base.version + 1 !== version) return null;

  const rows = new Map(base.rows.map((row) => [row.userId, row]));
  for (const userId of data.removed) rows.delete(userId);
  for (const row of data.updatedPositions) rows.set(row.userId, row);
  return { epoch, version, totalUsers: data.totalUsers, rows: [...rows.values()].sort((a, b) => a.rank - b.rank) };
}

/** @param {Options} options */
export function connect({ url, token, WebSocket = globalThis.WebSocket, onBoard, onScore, onState }) {
  const leaving = new AbortController();
  /** @type {Status["state"]} */ let state = "connecting";
  /** @type {Board | null} */ let board = null;
  /** @type {WebSocket | null} */ let socket = null;
  /** @type {any} */ let timers = {};
  let failures = 0;

  /** @type {any} */ const handlers = {
    "leaderboard.update": update,
    "user.scoreUpdate": (/** @type {{data: Score}} */ { data }) => onScore?.(data),
    "auth.ok": report,
    error: report,
    pong: () => { failures = 0; },
  };

  /** @param {any} news */
  function report({ type, ...news }) {
    state = news.state ?? state;
    onState?.({ state, ...news });
  }

  function open() {
    drop();
    socket = new WebSocket(url ?? location.origin.replace("http", "ws") + "/ws");
    socket.onopen = greet;
    socket.onmessage = ({ data }) => {
      clearTimeout(timers.answer);
      const message = JSON.parse(data);
      handlers[message.type]?.(message);
    };
    socket.onclose = reconnect;
    // Unheard, some clients throw it; a close follows.
    socket.onerror = () => {};
    ping();
  }

  function greet() {
    timers.ping = setInterval(ping, PING_EVERY_MS);
    const secret = typeof token === "function" ? token() : token;
    if (secret) socket?.send(JSON.stringify({ type: "auth", token: secret }));
  }

  function ping() {
    if (socket?.readyState === 1) socket.send('{"type":"ping"}');
    clearTimeout(timers.answer);
    timers.answer = setTimeout(reconnect, ANSWER_WITHIN_MS);
  }

  function update(/** @type {Update} */ message) {
    const next = board = applyUpdate(board, message);
    if (!next) return reconnect();
    if (state !== "live") report({ state: "live" });
    if (board === next) onBoard?.(next);
  }

  function reconnect({ code = 0 } = {}) {
    drop();
    // Revoked or banned: watches on as nobody.
    if (code > 4400 && typeof token === "string") token = "";
    // Full jitter: a server that is back isn't met by all at once. A crowded one is given a rest.
    const rest = [1008, 1013].includes(code) ? RETRY_CAP_MS : 0;
    const retryInMs = rest + Math.random() * (rest || Math.min(RETRY_CAP_MS, RETRY_MS * 2 ** failures++));
    timers.retry = setTimeout(open, retryInMs);
    report({ state: "reconnecting", retryInMs });
  }

  function drop() {
    for (const timer of Object.values(timers)) clearTimeout(timer);
    timers = {};
    board = null;
    if (!socket) return;
    // A dead peer answers no close.
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    socket = null;
  }

  // Sleep ends sockets without a word.
  function wake() {
    if (document.hidden) return;
    if (!timers.retry) ping();
    else if (navigator.onLine) open();
  }

  function close() {
    leaving.abort();
    drop();
    report({ state: "closed" });
  }

  function auth(/** @type {Token} */ next) {
    token = next;
    if (state !== "closed") open();
  }

  for (const event of ["online", "offline", "visibilitychange"]) {
    globalThis.addEventListener?.(event, wake, leaving);
  }
  report({ state });
  open();
  return { auth, close };
}

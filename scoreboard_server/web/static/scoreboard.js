/**
 * The live board over a WebSocket that mends itself; for browsers and Node.
 *
 * @typedef {{userId: string, username: string, avatarUrl: string | null, score: number, rank: number}} Row
 * @typedef {{epoch: string, version: number, totalUsers: number, rows: Row[]}} Board
 * @typedef {{newScore: number, leaderboardPosition: number | null, change: number}} Score
 * @typedef {{state: "connecting" | "live" | "reconnecting" | "closed", retryInMs?: number,
 *   heardAt?: number, code?: string, message?: string, userId?: string, expiresAt?: string}} Status
 * @typedef {string | null | (() => any)} Token a function, async or not, is asked at each opening
 * @typedef {{url?: string, token?: Token, WebSocket?: any,
 *   onBoard?: (b: Board) => void, onScore?: (s: Score) => void, onState?: (s: Status) => void}} Options
 */

const PING_MS = 25_000, ANSWER_MS = 8_000, RETRY_MS = 500, CAP_MS = 15_000;
// Not the token's fault.
const PASSING = /^(keys_|token_u|too_many|rate)/;

/** @type {(board: ?Board, m: any) => ?Board} null: out of step */
export function applyUpdate(board, { epoch, version, snapshot, data }) {
  const base = snapshot ? { epoch, version: version - 1, rows: [] } : board;
  if (!base || base.epoch !== epoch || base.version + 1 !== version) return null;

  const rows = new Map(base.rows.map((row) => [row.userId, row]));
  for (const userId of data.removed) rows.delete(userId);
  for (const row of data.updatedPositions) rows.set(row.userId, row);
  return { epoch, version, totalUsers: data.totalUsers, rows: [...rows.values()].sort((a, b) => a.rank - b.rank) };
}

/** @param {Options} options */
export function connect({ url, token, WebSocket = globalThis.WebSocket, onBoard, onScore, onState }) {
  const leaving = new AbortController();
  /** @type {any} */ let state = "connecting";
  /** @type {?Board} */ let board = null;
  /** @type {any} */ let socket;
  /** @type {any} */ let timers = {};
  let failures = 0, heardAt = 0;

  /** @type {any} */ const handlers = {
    "leaderboard.update": update,
    "user.scoreUpdate": (/** @type {any} */ { data }) => onScore?.(data),
    "auth.ok": report,
    error: refused,
    pong: () => { failures = 0; },
  };

  function report(/** @type {any} */ { type, ...news }) {
    state = news.state ?? state;
    onState?.({ state, ...news });
  }

  function open() {
    drop();
    socket = new WebSocket(url ?? location.origin.replace("http", "ws") + "/ws");
    socket.onopen = signIn;
    socket.onmessage = (/** @type {any} */ { data }) => {
      clearTimeout(timers.answer);
      heardAt = Date.now();
      const message = JSON.parse(data);
      handlers[message.type]?.(message);
    };
    socket.onclose = reconnect;
    // Unheard, some throw it.
    socket.onerror = () => {};
    timers.ping = setInterval(ping, PING_MS);
    ping();
  }

  async function signIn() {
    const asked = socket;
    try {
      const given = await (typeof token === "function" ? token() : token);
      if (given && socket === asked) asked.send(JSON.stringify({ type: "auth", token: given }));
    } catch (why) {
      if (socket === asked) refused({ code: "token_unavailable", message: `${why}` });
    }
  }

  function refused(/** @type {any} */ news) {
    if (PASSING.test(news.code)) {
      news.retryInMs = CAP_MS * (1 + Math.random());
      timers.auth = setTimeout(signIn, news.retryInMs);
    }
    report(news);
  }

  function ping() {
    if (socket?.readyState === 1) socket.send('{"type":"ping"}');
    clearTimeout(timers.answer);
    timers.answer = setTimeout(reconnect, ANSWER_MS);
  }

  function update(/** @type {any} */ message) {
    const next = board = applyUpdate(board, message);
    if (!next) return reconnect();
    if (state !== "live") report({ state: "live" });
    if (board === next) onBoard?.(next);
  }

  function reconnect({ code = 0 } = {}) {
    drop();
    // Revoked, banned: watch as nobody.
    if (code > 4400 && typeof token === "string") token = "";
    // Full jitter.
    const retryInMs = Math.random() * Math.min(CAP_MS, RETRY_MS * 2 ** failures++);
    timers.retry = setTimeout(open, retryInMs);
    report({ state: "reconnecting", retryInMs, heardAt });
  }

  function drop() {
    for (const timer of Object.values(timers)) clearTimeout(timer);
    timers = {};
    board = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    socket = null;
  }

  // Sleep ends sockets silently.
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

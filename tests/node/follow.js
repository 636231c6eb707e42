// Follows a board with the client module, given as text on the first line of standard input: each call-back is one
// line of JSON. Later lines are commands: {"auth": token} or {"close": true}. Arguments: the socket's URL, a token or
// "", "once", "asked" or "failing" for how the token is handed over, and what Math.random says, if it must not be random.
import { createInterface } from "node:readline";
import WebSocket from "ws";

const [url, token, handed, random] = process.argv.slice(2);
if (random) Math.random = () => Number(random);
const tell = (kind) => (value) => process.stdout.write(JSON.stringify({ kind, value }) + "\n");
const ways = { once: token, asked: () => token, failing: async () => { throw new TypeError("fetch failed"); } };
const lines = createInterface({ input: process.stdin });
let client = null;

async function begin(source) {
  const { connect } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  client = connect({
    url,
    WebSocket,
    token: ways[handed],
    onBoard: tell("board"),
    onScore: tell("score"),
    onState: tell("state"),
  });
}

for await (const line of lines) {
  const command = JSON.parse(line);
  if (command.source) await begin(command.source);
  else if (command.close) client.close();
  else client.auth(command.auth);
}
client.close();

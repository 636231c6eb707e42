// Prints every text message of a WebSocket as one line, until standard input ends.
import WebSocket from "ws";

const socket = new WebSocket(process.argv[2]);
socket.on("message", (data) => process.stdout.write(data.toString() + "\n"));
socket.on("error", (error) => {
  process.stderr.write(String(error) + "\n");
  process.exit(1);
});
process.stdin.resume();
process.stdin.on("end", () => socket.close());
socket.on("close", () => process.exit(0));

/** The ready entry as an isolate's platform has it: puts questions to it, tells the answers, waits to be ended. Listens on nothing. */
import entry from "../../packages/api/main.ts";

/** What the platform would pass on. */
async function ask(path: string, body?: unknown): Promise<readonly [status: number, text: string]> {
  const init = body === undefined ? {} : {
    ...{ method: "POST", body: JSON.stringify(body) },
    headers: { "content-type": "application/json" },
  };
  const response = await entry.fetch(new Request(`http://isolate${path}`, init));
  return [response.status, await response.text()];
}

while ((await ask("/health"))[0] === 503) await new Promise((resolve) => setTimeout(resolve, 20));
const rounds: readonly (readonly [path: string, body?: unknown])[][] = JSON.parse(Deno.args[0]);
const answers = [];
for (const round of rounds) {
  answers.push(await Promise.all(round.map(([path, body]) => ask(path, body))));
}
console.log(JSON.stringify(answers));
await Deno.stdin.read(new Uint8Array(1));
Deno.exit();

/** Tests of cli.ts: exit codes and messages of the frame, with commands made for the test. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { capturedIo, runAha } from "../../../tests/support/captured_io.ts";
import { main } from "./cli.ts";
import { BrokenPipeError, type Command, UsageError } from "./command.ts";
import { type RegisteredCommand, registeredCommands } from "./registry.ts";

const probe: Command = {
  name: "probe",
  usage: "probe MODEL [PROMPT] [--stop S]... [--json]",
  details: "Probes.",
  positionals: ["MODEL", "[PROMPT]"],
  options: {
    stop: { type: "string", value: "S", multiple: true, help: "end here" },
    seed: { type: "string", value: "N", help: "a number" },
    json: { type: "boolean", help: "as JSON" },
  },
  run({ values, positionals }, io) {
    if (positionals[0] === "usage") throw new UsageError("wrong\n  use");
    if (positionals[0] === "fail") throw new RangeError("Too large:\n 3 of 2\n");
    if (positionals[0] === "text") throw "plain text";
    if (positionals[0] === "wait") throw io.signal.reason;
    if (positionals[0] === "pipe") throw new BrokenPipeError("gone");
    io.out(JSON.stringify({ values, positionals }));
    return Promise.resolve(positionals[0] === "seven" ? 7 : 0);
  },
};
const commands: readonly RegisteredCommand[] = [
  { name: "probe", summary: "try the frame", load: () => Promise.resolve({ command: probe }) },
  { name: "later", summary: "not there" },
];

async function aha(...words: string[]): Promise<{ code: number; out: string; error: string }> {
  const { io, written } = capturedIo();
  return { code: await main(words, io, commands), ...written };
}

Deno.test("main: values, positionals and the exit code reach and leave the command", async () => {
  const done = await aha("probe", "m", "--stop", "a", "--json", "--stop=-b", "hi", "--seed", "-1");
  assertEquals([done.code, done.error], [0, ""]);
  assertEquals(JSON.parse(done.out), {
    values: { stop: ["a", "-b"], json: true, seed: "-1" },
    positionals: ["m", "hi"],
  });
  assertEquals((await aha("probe", "seven")).code, 7);
  const dashes = await aha("probe", "m", "--", "--json");
  assertEquals(JSON.parse(dashes.out).positionals, ["m", "--json"]);
});

Deno.test("main: wrong usage is one line on stderr and exit 2", async () => {
  const cases: [string[], string][] = [
    [[], "aha: no command given; aha --help lists the commands"],
    [["prbe"], 'aha: unknown command "prbe"; aha --help lists the commands'],
    [["--wat"], "aha: unknown option --wat; aha --help lists the commands"],
    [["later"], "aha: later is not built yet"],
    [["help", "nothing"], 'aha: unknown command "nothing"; aha --help lists the commands'],
    [["probe"], `aha: probe needs MODEL; usage: aha ${probe.usage}`],
    [["probe", "a", "b", "c"], `aha: unexpected argument "c"; usage: aha ${probe.usage}`],
    [["probe", "a", "--wat"], "aha: unknown option --wat; aha probe --help lists the options"],
    [["probe", "a", "-w"], "aha: unknown option -w; aha probe --help lists the options"],
    [["probe", "a", "--toString"], "aha: unknown option --toString; aha probe --help lists"],
    [["probe", "a", "--json=1"], 'aha: --json takes no value, got "1"'],
    [["probe", "a", "--seed"], "aha: --seed needs a value: --seed N"],
    [["probe", "a", "--seed", "--json"], "aha: --seed needs a value: --seed N"],
    [["probe", "a", "--seed", "1", "--seed", "2"], "aha: --seed was given twice"],
    [["probe", "usage"], "aha: wrong use"],
  ];
  for (const [words, message] of cases) {
    const { code, out, error } = await aha(...words);
    assertEquals([code, out], [2, ""], words.join(" "));
    assertStringIncludes(error, message);
    assertMatch(error, /^aha: [^\n]+\n$/);
  }
});

Deno.test("main: a failure is one line on stderr and exit 1, and a closed pipe is quiet", async () => {
  assertEquals(await aha("probe", "fail"), { code: 1, out: "", error: "aha: Too large: 3 of 2\n" });
  assertEquals(await aha("probe", "text"), { code: 1, out: "", error: "aha: plain text\n" });
  assertEquals(await aha("probe", "pipe"), { code: 0, out: "", error: "" });
});

Deno.test("main: --help of all and of each, --version", async () => {
  for (const words of [["--help"], ["-h"], ["help"]]) {
    const { code, out } = await aha(...words);
    assertEquals(code, 0);
    assertStringIncludes(out, "  probe  try the frame\n");
    assertStringIncludes(out, "  later  not there (not built yet)\n");
  }
  for (const words of [["probe", "--help"], ["help", "probe"], ["probe", "a", "-h", "--seed"]]) {
    const { code, out, error } = await aha(...words);
    assertEquals([code, error], [0, ""]);
    assertStringIncludes(out, "aha probe: try the frame\n\nUsage: aha probe MODEL [PROMPT]");
    assertStringIncludes(out, "  --stop S  end here (may be repeated)\n");
  }
  assertMatch((await aha("--version")).out, /^\d+\.\d+\.\d+\n$/);
});

Deno.test("registeredCommands: each file carries the name it is registered by", async () => {
  const names = "run chat serve score tokenize detokenize inspect bench pull models quantize " +
    "convert merge train eval";
  assertEquals(registeredCommands.map(({ name }) => name), names.split(" "));
  for (const { name, load } of registeredCommands) {
    if (!load) continue;
    const { command } = await load();
    assertEquals(command.name, name);
    assertEquals(command.usage.split(" ")[0], name);
    const { code, out } = await runAha([name, "--help"]);
    assertEquals(code, 0);
    for (const option of Object.keys(command.options)) assertStringIncludes(out, `--${option}`);
  }
});

Deno.test("main: a command that Ctrl-C has ended is one line on stderr and exit 130", async () => {
  const { io, written } = capturedIo();
  const signal = AbortSignal.abort(new Error("Interrupted"));
  assertEquals(await main(["probe", "wait"], { ...io, signal }, commands), 130);
  assertEquals(written, { out: "", error: "aha: Interrupted\n" });
  assertEquals(await main(["probe", "fail"], { ...io, signal }, commands), 1);
});

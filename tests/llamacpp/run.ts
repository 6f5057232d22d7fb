/**
 * Holds exported models against llama.cpp (PyPI: llama-cpp-python, compiled once, some ten minutes): the same tokens of texts,
 * and greedy continuations with the same tokens. F32 must agree in all, Q8_0 is told. Trains the two smallest models itself,
 * or takes files. Run by hand:
 * `deno run --allow-all tests/llamacpp/run.ts [MODEL.gguf...]`; AHA_LLAMA_PYTHON names a Python that has the package.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { fullPolicy, nanoTokenizer, newModel, pretrain, SHAPES } from "../../packages/grpo/mod.ts";
import { exportBlob } from "../../packages/grpo/src/model/export_model.ts";
import { nanoDocuments } from "../../packages/grpo/src/tasks/mod.ts";
import { loadModel } from "../../packages/runtime/mod.ts";
import { openTrainable } from "../../packages/runtime/training.ts";

const VERSION = "0.3.36";
const PROMPTS = 40;
const TEXTS = 1000;
const MAX_TOKENS = 40;
const STEPS = 300;

/** What llama.cpp is asked, and what it answers. */
interface Asked {
  readonly model: string;
  readonly prompts: readonly (readonly number[])[];
  readonly texts: readonly string[];
  readonly maxTokens: number;
}
interface Answered {
  readonly continued: readonly (readonly number[])[];
  readonly tokens: readonly (readonly number[])[];
  readonly texts: readonly string[];
}

/** Runs a command with a text as its input; gives what it prints. */
function run(command: string, args: readonly string[], input = ""): Promise<string> {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => printed += text);
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(printed);
      else reject(new Error(`${command} ended with ${code}`));
    });
  });
}

/** A Python with llama-cpp-python, compiled the first time. */
async function python(): Promise<string> {
  const given = process.env.AHA_LLAMA_PYTHON;
  if (given) return given;
  const home = join(homedir(), ".cache", "aha-llamacpp", VERSION);
  const own = join(home, "bin", "python");
  if (!existsSync(join(home, "done"))) {
    await run("python3", ["-m", "venv", home]);
    await run(own, ["-m", "pip", "install", "--quiet", `llama-cpp-python==${VERSION}`]);
    writeFileSync(join(home, "done"), "");
  }
  return own;
}

/** A model of one task, trained until its answers are no noise. */
async function trained(name: "ci" | "ci_v3"): Promise<readonly (readonly [string, Blob])[]> {
  const model = await openTrainable(await newModel(SHAPES[name], nanoTokenizer(), 1));
  const policy = fullPolicy(model);
  const { document } = nanoDocuments({ seed: 1, tasks: { CHAIN6: 1 }, languages: ["en"] });
  await pretrain(policy, { steps: STEPS, batchDocuments: 32, learningRate: 4e-3 }, document);
  const blobs = [
    [`${name} F32`, await exportBlob(model)],
    [`${name} Q8_0`, await exportBlob(model, { type: "Q8_0" })],
  ] as const;
  await model.close();
  return blobs;
}

/** Tells how many of the texts and continuations are the same; whether all are. */
async function compare(name: string, path: string, interpreter: string): Promise<boolean> {
  const { document } = nanoDocuments({ seed: 2 });
  const documents = Array.from({ length: TEXTS }, (_, i) => document(i));
  await using model = await loadModel(path, { kvType: "f32" });
  const texts = documents.map(({ ids }) => model.tokenizer.decode(ids));
  const prompts = documents.slice(0, PROMPTS).map(({ ids, promptLength }) =>
    ids.slice(0, promptLength)
  );
  const asked: Asked = { model: path, prompts, texts, maxTokens: MAX_TOKENS };
  const program = fileURLToPath(new URL("continue.py", import.meta.url));
  const peer = JSON.parse(await run(interpreter, [program], JSON.stringify(asked))) as Answered;
  const same = { tokens: 0, texts: 0, continued: 0 };
  texts.forEach((text, i) => {
    const own = model.tokenizer.encode(text, { special: true });
    if (`${own}` === `${documents[i].ids}` && `${own}` === `${peer.tokens[i]}`) same.tokens++;
    if (text === peer.texts[i]) same.texts++;
  });
  for (const [i, prompt] of prompts.entries()) {
    const { ids, finishReason } = await model.complete(prompt, {
      maxTokens: MAX_TOKENS,
      temperature: 0,
    });
    const { eosId } = model.tokenizer;
    const all = finishReason === "stop" && eosId !== undefined ? [...ids, eosId] : ids;
    if (`${all}` === `${peer.continued[i]}`) same.continued++;
  }
  console.log(
    `${name}: ${same.tokens} of ${TEXTS} texts have the same tokens, ${same.texts} come back alike, ${same.continued} of ${PROMPTS} continuations are the same`,
  );
  return same.tokens === TEXTS && same.texts === TEXTS && same.continued === PROMPTS;
}

const interpreter = await python();
const folder = mkdtempSync(join(tmpdir(), "aha-llamacpp-"));
try {
  const files = process.argv.slice(2).map((path) => [path, path] as const);
  const made = files.length > 0 ? [] : [...await trained("ci"), ...await trained("ci_v3")];
  for (const [name, blob] of made) {
    const path = join(folder, `${name.replaceAll(" ", "-")}.gguf`);
    writeFileSync(path, new Uint8Array(await blob.arrayBuffer()));
    const isSame = await compare(name, path, interpreter);
    if (!isSame && name.endsWith("F32")) process.exitCode = 1;
  }
  for (const [name, path] of files) {
    if (!await compare(name, path, interpreter)) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}

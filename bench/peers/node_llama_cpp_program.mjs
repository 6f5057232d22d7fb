/** Measures node-llama-cpp in this fresh Node process; the only argument is the request as JSON. */
import process from "node:process";

const request = JSON.parse(process.argv[2]);
const { getLlama, LlamaLogLevel } = await import(request.entry);

const start = performance.now();
const llama = await getLlama({
  ...{ gpu: false, build: "never", maxThreads: request.threads, logLevel: LlamaLogLevel.error },
});
const model = await llama.loadModel({ modelPath: request.model });
const context = await model.createContext({
  ...{ contextSize: request.contextTokens, batchSize: 512, threads: request.threads },
});
const sequence = context.getSequence();
const loadMs = performance.now() - start;

/** Greedy tokens after a prompt: ms to the first, tokens/s of the others. */
async function run(ids, count) {
  await sequence.clearHistory();
  const start = performance.now();
  let first = start;
  let drawn = 0;
  for await (const _ of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) {
    if (drawn === 0) first = performance.now();
    if (++drawn === count) break;
  }
  if (drawn !== count) throw new Error(`${drawn} tokens came, ${count} were asked for`);
  return {
    firstTokenMs: first - start,
    tokensPerSecond: 1000 * (count - 1) / (performance.now() - first),
  };
}

const { firstTokenMs } = await run(request.first, request.warmUpTokens);
const prefill = await run(request.prompt, 1);
const decode = await run(request.prompt.slice(0, 1), request.generatedTokens);
if (context.currentThreads !== request.threads) {
  throw new Error(`${context.currentThreads} threads run, ${request.threads} were asked for`);
}
console.log(JSON.stringify({
  prefill: 1000 * request.prompt.length / prefill.firstTokenMs,
  decode: decode.tokensPerSecond,
  loadMs,
  firstTokenMs,
}));
process.exit(0);

/** Measures wllama in this fresh page as the query asks, and posts the figures. */
const request = JSON.parse(new URLSearchParams(location.search).get("request"));
const { LoggerWithoutDebug, Wllama } = await import(request.entry);

async function measure() {
  const file = await (await fetch("/model.gguf")).blob();
  const wllama = new Wllama({ default: "/wllama/wasm/wllama.wasm" }, {
    logger: LoggerWithoutDebug,
    suppressNativeLog: true,
  });
  const start = performance.now();
  await wllama.loadModel([file], {
    ...{ n_ctx: request.contextTokens, n_batch: 512, n_threads: request.threads },
    ...{ n_gpu_layers: 0, n_parallel: 1 },
  });
  const loadMs = performance.now() - start;
  if (wllama.getNumThreads() !== request.threads) {
    throw new Error(`${wllama.getNumThreads()} threads run, ${request.threads} were asked for`);
  }
  // It takes text alone: a frequent word is one token; a model may put its first token before them.
  const run = async (promptTokens, count) => {
    const options = { temperature: 0, top_k: 1, ignore_eos: true, cache_prompt: false };
    const prompt = " the".repeat(promptTokens);
    const { timings } = await wllama.createCompletion({ ...options, prompt, max_tokens: count });
    const { prompt_n, predicted_n } = timings;
    if (Math.abs(prompt_n - promptTokens) > 1 || predicted_n !== count) {
      throw new Error(`${prompt_n} and ${predicted_n} tokens, not ${promptTokens} and ${count}`);
    }
    return timings;
  };
  const first = await run(request.firstPromptTokens, request.warmUpTokens);
  const prefill = await run(request.promptTokens, 1);
  const decode = await run(1, request.generatedTokens);
  return {
    prefill: 1000 * prefill.prompt_n / prefill.prompt_ms,
    // Its clock of predicted tokens starts when the first is drawn.
    decode: 1000 * (decode.predicted_n - 1) / decode.predicted_ms,
    loadMs,
    firstTokenMs: first.prompt_ms,
  };
}

const outcome = await measure().catch((error) => ({ error: String(error?.message ?? error) }));
await fetch("/outcome", { method: "POST", body: JSON.stringify(outcome) });

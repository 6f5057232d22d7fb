/** What a page does with the runtime: loads a model from a URL or a Blob and answers greedily. Shows nothing. */
import { loadModel } from "@aha/runtime";

/** `{ variant, threads, ids }` of one answer. */
export async function answer({ url, blob, promptIds, maxTokens }) {
  const where = blob ? await (await fetch(url)).blob() : new URL(url, location.origin);
  const model = await loadModel(where, { threads: 2 });
  try {
    const options = { temperature: 0, maxTokens, ignoreEnd: true };
    const { ids } = await model.complete(promptIds, options);
    const { variant, threads } = model.backend;
    return { variant, threads, ids: [...ids] };
  } finally {
    await model.close();
  }
}

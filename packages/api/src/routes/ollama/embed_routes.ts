/** POST /api/embed and the older /api/embeddings: texts become vectors. Computes none. */
import type { AppContext } from "../../app_options.ts";
import type { EmbedOptions, ServedModel } from "../../engine/served_model.ts";
import { jsonRoute } from "../../json_route.ts";
import type { ApiApp } from "../../request_record.ts";
import { nanoseconds } from "./answer_lines.ts";
import { leaseFor } from "./answer_route.ts";
import { embedBody, embeddingsBody } from "./request_schema.ts";
import { embedAnswers, embeddingsAnswers } from "./response_schema.ts";

/** Adds the routes. */
export function embedRoutes(app: ApiApp, context: AppContext): void {
  const embed = {
    paths: ["/api/embed"],
    summary: "Makes a vector of each input; without any loads the model",
    body: embedBody,
    responses: embedAnswers,
    anyContentType: true,
  };
  jsonRoute(app, context, embed, async (c, body) => {
    const startMs = performance.now();
    const record = c.get("record");
    using lease = await leaseFor(c, context, body);
    record.paramNames = { messages: "input" };
    const options = { truncates: body.truncate ?? true, signal: record.signal };
    const texts = [body.input || []].flat();
    const { vectors, promptTokens } = await vectorsOf(lease.model, texts, options);
    record.promptTokens += promptTokens;
    return c.json({
      model: body.model,
      embeddings: vectors.map((vector) => [...shortened(vector, body.dimensions ?? 0)]),
      total_duration: nanoseconds(performance.now() - startMs),
      load_duration: nanoseconds(lease.loadMs),
      prompt_eval_count: promptTokens,
    });
  });

  const embeddings = {
    paths: ["/api/embeddings"],
    summary: "Makes a vector of one text; without one loads the model",
    body: embeddingsBody,
    responses: embeddingsAnswers,
    anyContentType: true,
  };
  jsonRoute(app, context, embeddings, async (c, body) => {
    const record = c.get("record");
    using lease = await leaseFor(c, context, body);
    const texts = body.prompt ? [body.prompt] : [];
    const options = { truncates: true, signal: record.signal };
    const { vectors, promptTokens } = await vectorsOf(lease.model, texts, options);
    record.promptTokens += promptTokens;
    return c.json({ embedding: vectors.flatMap((vector) => [...vector]) });
  });
}

async function vectorsOf(
  model: ServedModel,
  texts: readonly string[],
  options: EmbedOptions,
): ReturnType<ServedModel["embed"]> {
  if (texts.length === 0) return { vectors: [], promptTokens: 0 };
  return await model.embed(texts, options);
}

/** The first `dimensions` numbers, again of length 1; 0: all. */
function shortened(vector: Float32Array, dimensions: number): Float32Array {
  if (dimensions === 0 || dimensions >= vector.length) return vector;
  const part = vector.slice(0, dimensions);
  const length = Math.hypot(...part);
  return length > 0 ? part.map((value) => value / length) : part;
}

/** POST /api/embed and the older /api/embeddings: texts become vectors. Computes none. */
import type { AppContext } from "../../app_options.ts";
import type { ServedModel } from "../../engine/served_model.ts";
import { ApiError } from "../../errors.ts";
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
    const texts = [body.input ?? []].flat().filter((text) => body.input !== "" || text !== "");
    const inputs = await inputIds(lease.model, texts, body.truncate ?? true);
    const { vectors, promptTokens } = await vectorsOf(lease.model, inputs, record.signal);
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
    const inputs = await inputIds(lease.model, body.prompt ? [body.prompt] : [], true);
    const { vectors, promptTokens } = await vectorsOf(lease.model, inputs, record.signal);
    record.promptTokens += promptTokens;
    return c.json({ embedding: vectors.flatMap((vector) => [...vector]) });
  });
}

async function vectorsOf(
  model: ServedModel,
  inputs: readonly (readonly number[])[],
  signal: AbortSignal,
): ReturnType<ServedModel["embed"]> {
  if (inputs.length === 0) return { vectors: [], promptTokens: 0 };
  return await model.embed(inputs, signal);
}

/** The ids of each text; what is longer than the context is cut, or refused. */
async function inputIds(
  model: ServedModel,
  texts: readonly string[],
  truncates: boolean,
): Promise<(readonly number[])[]> {
  const { contextTokens } = model.facts;
  const inputs: (readonly number[])[] = [];
  for (const text of texts) {
    const ids = await model.tokenize(text, { addBos: true });
    if (ids.length > contextTokens && !truncates) {
      const message = `The input of ${ids.length} tokens exceeds the context of ${contextTokens}`;
      throw new ApiError("invalid", message, { param: "input" });
    }
    inputs.push(ids.slice(0, contextTokens));
  }
  return inputs;
}

/** The first `dimensions` numbers, again of length 1; 0: all. */
function shortened(vector: Float32Array, dimensions: number): Float32Array {
  if (dimensions === 0 || dimensions >= vector.length) return vector;
  const part = vector.slice(0, dimensions);
  const length = Math.hypot(...part);
  return length > 0 ? part.map((value) => value / length) : part;
}

/** POST /api/embed and the older /api/embeddings: texts become vectors. Computes none. */
import type { AppContext } from "../../app_options.ts";
import type { EmbedOptions, ServedModel } from "../../engine/served_model.ts";
import { jsonRoute } from "../../json_route.ts";
import type { ApiApp } from "../../request_record.ts";
import { wholeResponse } from "../../streamed_response.ts";
import { shortened } from "../shortened.ts";
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
    const lease = await leaseFor(c, context, body);
    record.paramNames = { messages: "input" };
    const options = { truncates: body.truncate ?? true, signal: record.signal };
    const texts = [body.input || []].flat();
    const size = body.dimensions || Infinity;
    return await wholeResponse(c, lease, async () => {
      const { vectors, promptTokens } = await vectorsOf(lease.model, texts, options);
      record.promptTokens += promptTokens;
      return {
        model: body.model,
        embeddings: vectors.map((vector) => [...shortened(vector, size)]),
        total_duration: nanoseconds(performance.now() - startMs),
        load_duration: nanoseconds(lease.loadMs),
        prompt_eval_count: promptTokens,
      };
    }, context.options);
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
    const lease = await leaseFor(c, context, body);
    const texts = body.prompt ? [body.prompt] : [];
    const options = { truncates: true, signal: record.signal };
    return await wholeResponse(c, lease, async () => {
      const { vectors, promptTokens } = await vectorsOf(lease.model, texts, options);
      record.promptTokens += promptTokens;
      return { embedding: vectors.flatMap((vector) => [...vector]) };
    }, context.options);
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

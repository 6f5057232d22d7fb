/** POST /v1/embeddings. Computes no vectors. */
import type { AppContext } from "../../app_options.ts";
import { ApiError } from "../../errors.ts";
import { jsonRoute } from "../../json_route.ts";
import type { ServedModel } from "../../engine/served_model.ts";
import { leaseModel } from "../../lease_model.ts";
import { responses } from "../../openapi.ts";
import type { ApiApp } from "../../request_record.ts";
import { embeddingList, type EmbeddingRequest, embeddingRequest } from "../../schema/embedding.ts";
import { adapterOf } from "../../schema/sampling.ts";
import { wholeResponse } from "../../streamed_response.ts";
import { checkIds } from "../raw_prompt.ts";
import { shortened } from "../shortened.ts";

export function embeddingsRoute(app: ApiApp, context: AppContext): void {
  const route = {
    paths: ["/v1/embeddings"],
    summary: "Gives the vectors of texts",
    body: embeddingRequest,
    responses: responses(embeddingList, "A vector for each input"),
  };
  jsonRoute(app, context, route, async (c, body) => {
    const record = c.get("record");
    record.prompt = body.input;
    record.paramNames = { messages: "input", adapter: "lora" };
    const lease = await leaseModel(context, c, body.model ?? undefined);
    return await wholeResponse(c, lease, async () => {
      const { model, entry } = lease;
      const size = sizeOf(body, model.facts.width);
      const inputs = inputsOf(body.input, model);
      const adapter = adapterOf(body.lora);
      const options = { ...(adapter ? { adapter } : {}), signal: record.signal };
      const { vectors, promptTokens } = await model.embed(inputs, options);
      record.promptTokens = promptTokens;
      const data = vectors.map((vector, index) => {
        const cut = shortened(vector, size);
        const embedding = body.encoding_format === "base64" ? base64Of(cut) : [...cut];
        return { object: "embedding", index, embedding };
      });
      const usage = { prompt_tokens: promptTokens, total_tokens: promptTokens };
      return { object: "list", data, model: entry.name, usage };
    }, context.options);
  });
}

function sizeOf({ dimensions }: EmbeddingRequest, width: number): number {
  const size = dimensions ?? width;
  if (size <= width) return size;
  throw new ApiError("invalid", `dimensions is ${size}, the model's vectors have ${width}`, {
    param: "dimensions",
  });
}

/** @throws {ApiError} 400 naming an id that the model has not */
function inputsOf(
  input: EmbeddingRequest["input"],
  model: ServedModel,
): readonly (string | readonly number[])[] {
  const isMany = Array.isArray(input) && typeof input[0] !== "number";
  const inputs = (isMany ? input : [input]) as readonly (string | readonly number[])[];
  return inputs.map((one, i) =>
    typeof one === "string" ? one : checkIds(model, one, isMany ? `input[${i}]` : "input")
  );
}

/** Little-endian float32, as OpenAI's clients read them. */
function base64Of(vector: Float32Array): string {
  const view = new DataView(new ArrayBuffer(4 * vector.length));
  vector.forEach((value, i) => view.setFloat32(4 * i, value, true));
  const chars = Array.from(new Uint8Array(view.buffer), (byte) => String.fromCharCode(byte));
  return btoa(chars.join(""));
}

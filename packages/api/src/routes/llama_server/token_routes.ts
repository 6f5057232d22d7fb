/** POST /tokenize, /detokenize and /apply-template: between text and what a model reads. Generates nothing. */
import { z } from "@hono/zod-openapi";
import type { AppContext } from "../../app_options.ts";
import { jsonRoute } from "../../json_route.ts";
import { leaseModel } from "../../lease_model.ts";
import { responses } from "../../openapi.ts";
import type { ApiApp } from "../../request_record.ts";
import { checkIds } from "../raw_prompt.ts";

const model = z.string().nullish().openapi({ description: "Default: the first model" });

const tokenizeBody = z.object({
  content: z.string().openapi({ example: "Why is the sky blue?" }),
  add_special: z.boolean().nullish().openapi({ description: "Whether BOS is added" }),
  parse_special: z.boolean().nullish().openapi({ description: "Default true" }),
  with_pieces: z.boolean().nullish(),
  model,
}).openapi("LlamaTokenizeRequest");

const bytes = z.array(z.int().min(0).max(255));
const tokens = z.union([
  z.array(z.int()),
  z.array(z.object({ id: z.int(), piece: z.union([z.string(), bytes]) })),
]);

const detokenizeBody = z.object({
  tokens: z.array(z.int().min(0)).openapi({ example: [0, 1, 2] }),
  model,
}).openapi("LlamaDetokenizeRequest");

const templateBody = z.object({
  messages: z.array(z.looseObject({ role: z.string() })).min(1).openapi({
    example: [{ role: "user", content: "Why is the sky blue?" }],
  }),
  tools: z.array(z.looseObject({})).nullish(),
  chat_template_kwargs: z.record(z.string(), z.unknown()).nullish(),
  model,
}).openapi("LlamaTemplateRequest");

/** These answer at once, however many answers are in the making. */
const NO_PLACE = { places: 0 };

/** Adds the routes. */
export function tokenRoutes(app: ApiApp, context: AppContext): void {
  jsonRoute(app, context, {
    paths: ["/tokenize"],
    summary: "Cuts a text into tokens",
    body: tokenizeBody,
    responses: responses(z.object({ tokens }).openapi("LlamaTokens"), "Ids, with pieces if asked"),
    anyContentType: true,
  }, async (c, body) => {
    using lease = await leaseModel(context, c, body.model ?? undefined, NO_PLACE);
    const ids = await lease.model.tokenize(body.content, {
      special: body.parse_special ?? true,
      addBos: body.add_special ?? false,
    });
    if (!body.with_pieces) return c.json({ tokens: ids });
    const distinct = [...new Set(ids)]; // a long text has few of them
    const bytes = await lease.model.tokenBytes(distinct);
    const pieces = new Map(distinct.map((id, i) => [id, pieceOf(bytes[i])]));
    return c.json({ tokens: ids.map((id) => ({ id, piece: pieces.get(id) })) });
  });

  jsonRoute(app, context, {
    paths: ["/detokenize"],
    summary: "Joins tokens to a text",
    body: detokenizeBody,
    responses: responses(z.object({ content: z.string() }).openapi("LlamaContent"), "The text"),
    anyContentType: true,
  }, async (c, body) => {
    using lease = await leaseModel(context, c, body.model ?? undefined, NO_PLACE);
    const ids = checkIds(lease.model, body.tokens, "tokens");
    return c.json({ content: await lease.model.detokenize(ids) });
  });

  jsonRoute(app, context, {
    paths: ["/apply-template"],
    summary: "Renders a conversation as the model's prompt",
    body: templateBody,
    responses: responses(z.object({ prompt: z.string() }).openapi("LlamaPrompt"), "The prompt"),
    anyContentType: true,
  }, async (c, { messages, tools, chat_template_kwargs: variables, model }) => {
    using lease = await leaseModel(context, c, model ?? undefined, NO_PLACE);
    const conversation = { messages, tools: tools ?? undefined, variables: variables ?? undefined };
    return c.json({ prompt: await lease.model.applyTemplate(conversation) });
  });
}

/** A text, or bytes where they are a part of a character. */
function pieceOf(bytes: Uint8Array): string | number[] {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return [...bytes];
  }
}

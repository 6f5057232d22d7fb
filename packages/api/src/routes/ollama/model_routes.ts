/** GET /api/tags, /api/ps and /api/version, POST /api/show: which models there are and which are loaded. Loads none. */
import type { AppContext } from "../../app_options.ts";
import type { Engine, ModelEntry } from "../../engine/engine.ts";
import { UnknownModelError } from "../../engine/engine_errors.ts";
import type { ModelDescription } from "@aha/runtime";
import type { ModelFacts } from "../../engine/served_model.ts";
import { ApiError } from "../../errors.ts";
import { jsonRoute } from "../../json_route.ts";
import type { ApiApp } from "../../request_record.ts";
import { parentOf, withAdapterEntries } from "../adapter_entries.ts";
import { NEVER_MS } from "./keep_alive.ts";
import { servedName } from "./model_name.ts";
import { showBody } from "./request_schema.ts";
import { psAnswers, showAnswers, tagsAnswers, versionAnswers } from "./response_schema.ts";

/** Adds the routes. */
export function modelRoutes(app: ApiApp, context: AppContext): void {
  const { engine, options } = context;
  const get = (path: string, summary: string, responses: typeof tagsAnswers) =>
    app.openAPIRegistry.registerPath({ method: "get", path, summary, responses });

  get("/api/version", "Tells the server's version", versionAnswers);
  app.get("/api/version", (c) => c.json({ version: options.version ?? "0" }));

  get("/api/tags", "Lists the models", tagsAnswers);
  app.get(
    "/api/tags",
    async (c) => {
      await engine.readHeads();
      return c.json({ models: await Promise.all(withAdapterEntries(engine.models()).map(tag)) });
    },
  );

  get("/api/ps", "Lists the models that are loaded", psAnswers);
  app.get("/api/ps", async (c) => {
    const loaded = engine.models().flatMap((entry) =>
      entry.facts ? [running(entry, entry.facts)] : []
    );
    return c.json({ models: await Promise.all(loaded) });
  });

  const show = {
    paths: ["/api/show"],
    summary: "Tells what is known of a model",
    body: showBody,
    responses: showAnswers,
    anyContentType: true,
  };
  jsonRoute(
    app,
    context,
    show,
    async (c, { model, name }) => {
      await engine.readHeads();
      return c.json(shown(entryOf(engine, model || name || undefined)));
    },
  );
}

/** @throws {ApiError} 400 without a name, {UnknownModelError} where none has it */
function entryOf(engine: Engine, asked: string | undefined): ModelEntry {
  if (asked === undefined) throw new ApiError("invalid", "model is missing", { param: "model" });
  const entry = engine.find(servedName(engine, asked));
  if (entry) return entry;
  throw new UnknownModelError(asked, engine.models().map(({ name }) => name));
}

async function listed(entry: ModelEntry): Promise<Record<string, unknown>> {
  const { name, head } = entry;
  return {
    name,
    model: name,
    size: head?.sizeBytes ?? 0,
    digest: await digestOf(name),
    details: detailsOf(head, parentOf(entry)),
  };
}

async function tag(entry: ModelEntry): Promise<Record<string, unknown>> {
  return { ...await listed(entry), modified_at: modifiedAt(entry) };
}

async function running(entry: ModelEntry, facts: ModelFacts): Promise<Record<string, unknown>> {
  const never = Date.now() + NEVER_MS;
  return {
    ...await listed(entry),
    size: facts.memoryBytes,
    expires_at: new Date(Math.min(entry.expiresAt ?? never, never)).toISOString(),
    size_vram: 0,
    context_length: facts.contextTokens,
  };
}

function shown(entry: ModelEntry): Record<string, unknown> {
  const { name, head } = entry;
  return {
    license: "",
    modelfile: `FROM ${name}\n`,
    parameters: "",
    template: head?.chatTemplate ?? "",
    system: "",
    details: detailsOf(head, parentOf(entry)),
    messages: [],
    model_info: head ? modelInfo(head) : {},
    capabilities: capabilitiesOf(head),
    modified_at: modifiedAt(entry),
  };
}

function modelInfo(head: ModelDescription): Record<string, string | number> {
  const { architecture, parameters, contextTokens, width, layers, vocabulary } = head;
  return {
    "general.architecture": architecture,
    "general.parameter_count": parameters,
    [`${architecture}.context_length`]: contextTokens,
    [`${architecture}.embedding_length`]: width,
    [`${architecture}.block_count`]: layers,
    [`${architecture}.vocab_size`]: vocabulary,
  };
}

function capabilitiesOf(head: ModelDescription | undefined): string[] {
  return [
    "completion",
    ...(head?.chatTemplate === undefined ? [] : ["tools"]),
    ...(head?.isReasoning ? ["thinking"] : []),
  ];
}

function detailsOf(head: ModelDescription | undefined, parent = ""): Record<string, unknown> {
  const family = head?.architecture ?? "";
  return {
    parent_model: parent,
    format: "gguf",
    family,
    families: head ? [family] : [],
    parameter_size: head ? parameterSize(head.parameters) : "",
    quantization_level: head?.quantization ?? "",
  };
}

const SIZES = [[1e9, "B", 1], [1e6, "M", 2], [1e3, "K", 0]] as const;

/** `1.5B`, `134.52M`, `12K`. */
export function parameterSize(parameters: number): string {
  for (const [size, letter, digits] of SIZES) {
    if (parameters < size) continue;
    const number = parameters / size;
    return `${number.toFixed(Number.isInteger(number) ? 0 : digits)}${letter}`;
  }
  return `${parameters}`;
}

/** Of the name: weights are not hashed, but clients use the digest to tell models apart. */
async function digestOf(name: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(name));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function modifiedAt({ created }: ModelEntry): string {
  return new Date(created * 1_000).toISOString();
}

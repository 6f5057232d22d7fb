/** What `aha serve` says when it is ready to be asked: where, what, and how to try it. Prints nothing. */
import type { Listener } from "@aha/api/listen";
import type { ModelFacts, ModelSpec } from "@aha/api";
import { networkInterfaces } from "node:os";
import { FIRST_PROMPT, isNano } from "../nano/introduction.ts";
import { countText, sizeText } from "../terminal/size_text.ts";

/** Addresses of this machine that are shown at most. */
const MAX_ADDRESSES = 3;

/** Lines about a server that has begun to listen. */
export function greeting(
  { host, port, url }: Listener,
  models: readonly ModelSpec[],
  apiKeys: number,
): string {
  const [{ name, source }] = models;
  const content = isNano(String(source)) ? FIRST_PROMPT : "Hello";
  const body = JSON.stringify({ model: name, messages: [{ role: "user", content }] });
  const keyed = apiKeys === 0 ? [] : [`    -H "authorization: Bearer $KEY" \\`];
  const isForAll = host === "0.0.0.0" || host === "::";
  const others = isForAll ? addresses().map((address) => `, http://${address}:${port}`) : [];
  return [
    `Aha serves ${models.flatMap(namesOf).join(", ")} at ${url}${others.join("")}`,
    keyNote(apiKeys),
    "Try it:",
    `  curl ${url}/v1/chat/completions -H "content-type: application/json" \\`,
    ...keyed,
    `    -d ${shellQuoted(body)}`,
    `Clients of OpenAI take ${url}/v1 as their base URL, those of Ollama ${url}; ${url}/docs lists all.`,
    "",
  ].join("\n");
}

/** A line about a model that has been loaded. */
export function readyLine(name: string, facts: ModelFacts): string {
  const { architecture, parameters, quantization, contextTokens, backend, memoryBytes } = facts;
  return `${name} is ready after ${(facts.loadMs / 1000).toFixed(1)} s: ${architecture}, ${
    countText(parameters)
  } parameters in ${quantization}, context of ${contextTokens} tokens, ${
    sizeText(memoryBytes)
  }, ${backend.threads} thread${backend.threads === 1 ? "" : "s"}\n`;
}

/** The model's name, and those by which requests choose its adapters. */
function namesOf({ name, loadOptions }: ModelSpec): string[] {
  const adapters = loadOptions?.lora?.flatMap((lora) => lora.name ?? []) ?? [];
  return [name, ...adapters.map((adapter) => `${name}:${adapter}`)];
}

function keyNote(count: number): string {
  if (count === 0) return "No key is needed.";
  return count === 1 ? "Requests need the key." : `Requests need one of ${count} keys.`;
}

function addresses(): string[] {
  try {
    return Object.values(networkInterfaces())
      .flatMap((list = []) => list)
      .filter(({ family, internal }) => family === "IPv4" && !internal)
      .map(({ address }) => address)
      .slice(0, MAX_ADDRESSES);
  } catch {
    return []; // a service may be forbidden to ask
  }
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Lets in who has a key, as often as the key may. Knows no routes. */
import type { MiddlewareHandler } from "hono";
import type { ApiKey } from "../app_options.ts";
import { ApiError } from "../errors.ts";
import type { ApiContext, ApiEnv } from "../request_record.ts";
import { isOpenPath } from "./open_paths.ts";
import { TokenBucket } from "./token_bucket.ts";

/** A key as it is compared: by digests, which are of one length and tell nothing of the key. */
interface KnownKey {
  readonly name: string;
  readonly digest: Uint8Array;
  readonly requests?: TokenBucket;
  readonly tokens?: TokenBucket;
}

/**
 * With no keys everybody may ask. `now` are milliseconds of a clock that never goes back.
 * @throws {RangeError} where a key is empty or a limit is not over 0
 */
export function apiKeys(
  keys: readonly ApiKey[],
  now: () => number = () => performance.now(),
): MiddlewareHandler<ApiEnv> {
  const empty = keys.find(({ key }) => key === "");
  if (empty) throw new RangeError(`The API key ${JSON.stringify(empty.name)} is empty`);
  keys.forEach(checkLimits);
  let known: Promise<KnownKey[]> | undefined;
  return async (c, next) => {
    if (keys.length > 0 && !isOpenPath(c.req.path)) {
      known ??= Promise.all(keys.map((key) => knownKey(key, now)));
      const key = await matching(await known, givenKey(c));
      c.get("record").client = key.name;
      admit(c, key);
    }
    await next();
  };
}

function checkLimits({ name, requestsPerMinute, tokensPerMinute }: ApiKey): void {
  for (const [what, limit] of Object.entries({ requestsPerMinute, tokensPerMinute })) {
    if (limit === undefined || (limit > 0 && limit < Infinity)) continue;
    const key = JSON.stringify(name);
    throw new RangeError(`${what} of the API key ${key} is ${limit}, it must be over 0`);
  }
}

async function knownKey(key: ApiKey, now: () => number): Promise<KnownKey> {
  const { requestsPerMinute: requests, tokensPerMinute: tokens } = key;
  return {
    name: key.name,
    digest: await digestOf(key.key),
    requests: requests === undefined ? undefined : new TokenBucket(requests, now),
    tokens: tokens === undefined ? undefined : new TokenBucket(tokens, now),
  };
}

async function digestOf(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

function givenKey(c: ApiContext): string | undefined {
  const [, bearer] = /^Bearer +(\S+) *$/i.exec(c.req.header("authorization") ?? "") ?? [];
  return bearer ?? c.req.header("x-api-key");
}

/** All keys are compared, all bytes of each: the time tells neither how much fits nor which key it was. */
async function matching(known: readonly KnownKey[], given: string | undefined): Promise<KnownKey> {
  const digest = await digestOf(given ?? "");
  const found = known.filter((key) => isEqual(key.digest, digest));
  if (given !== undefined && found.length > 0) return found[0];
  throw given === undefined
    ? new ApiError("unauthorized", "The request has no API key: send Authorization: Bearer KEY")
    : new ApiError("unauthorized", "The API key is not known here", { code: "invalid_api_key" });
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i] ^ b[i];
  return difference === 0;
}

/** Takes a request, and at its end the tokens that it came to. */
function admit(c: ApiContext, { name, requests, tokens }: KnownKey): void {
  const record = c.get("record");
  const waitMs = Math.max(requests?.waitMs(1) ?? 0, tokens?.waitMs(1) ?? 0);
  if (waitMs === 0) requests?.take(1);
  limitHeaders(c, "requests", requests);
  limitHeaders(c, "tokens", tokens);
  if (waitMs > 0) {
    const what = (requests?.waitMs(1) ?? 0) > 0 ? "requests" : "tokens";
    const limit = (what === "requests" ? requests : tokens)?.perMinute;
    const retryAfterSeconds = Math.ceil(waitMs / 1000);
    throw new ApiError(
      "rate_limited",
      `The key ${JSON.stringify(name)} has used its ${limit} ${what} a minute, ` +
        `ask again in ${retryAfterSeconds} seconds`,
      { code: "rate_limit_exceeded", retryAfterSeconds },
    );
  }
  record.atEnd(() => tokens?.take(record.promptTokens + record.completionTokens));
}

/** OpenAI's headers; the reset is when the whole limit may be used again. */
function limitHeaders(c: ApiContext, of: "requests" | "tokens", bucket?: TokenBucket): void {
  if (!bucket) return;
  c.header(`x-ratelimit-limit-${of}`, `${bucket.perMinute}`);
  c.header(`x-ratelimit-remaining-${of}`, `${Math.max(0, Math.floor(bucket.level))}`);
  c.header(`x-ratelimit-reset-${of}`, `${(bucket.waitMs(bucket.perMinute) / 1000).toFixed(3)}s`);
}

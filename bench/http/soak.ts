/** Hours of mixed traffic in minutes, good and bad, and the memory of the server's process meanwhile. Judges no figures. */
import { readFileSync } from "node:fs";
import { seededRandom } from "../../tests/support/seeded_random.ts";
import { type Latency, watchHealth } from "./health_watch.ts";
import { type Leftovers, leftoversOf, openFilesOf } from "./leftovers.ts";
import { type Sample, type Trend, trendOf } from "./trend.ts";

/** What came of it. */
export interface Soak {
  readonly minutes: number;
  readonly requests: number;
  /** How many were answered with each status; `left`: the client went away. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Bytes of the process, once a second. */
  readonly rss: readonly Sample[];
  readonly trend: Trend;
  readonly health: Latency;
  /** When all is over. */
  readonly leftovers: Leftovers;
}

/** A server under test: its address and its process. */
export interface SoakedServer {
  readonly url: string;
  readonly pid: number;
}

const CLIENTS = 12;
const SAMPLE_MS = 1_000;
/**
 * What the process takes while its code and its heaps warm up says nothing of the rest. That is a matter of requests: on a
 * machine that others use, RSS still rose from the 5,000th to the 7,600th by 5 %, and little after that.
 */
const WARM_UP = { leastMs: 30_000, mostMs: 180_000, requests: 10_000 };
const schema = { type: "object", properties: { a: { type: "integer" } }, required: ["a"] };

/** Keeps so many clients busy for so long, after a warm-up that counts for nothing but its statuses. */
export async function soak({ url, pid }: SoakedServer, minutes: number): Promise<Soak> {
  const openFiles = openFilesOf(pid);
  const begun = performance.now();
  let from = Infinity;
  let requests = 0;
  const statuses: Record<string, number> = {};
  const client = async (number: number) => {
    const random = seededRandom(number);
    while (performance.now() < from + minutes * 60_000) {
      const status = await oneRequest(url, random);
      statuses[status] = (statuses[status] ?? 0) + 1;
      requests++;
      if (from === Infinity && isWarm(performance.now() - begun, requests)) {
        from = performance.now();
      }
    }
  };
  const watch = watchHealth(url);
  const rss: Sample[] = [];
  const sampler = setInterval(() => {
    const atMs = performance.now() - from;
    if (atMs >= 0) rss.push({ atMs, value: rssOf(pid) });
  }, SAMPLE_MS);
  await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
  clearInterval(sampler);
  const health = await watch.stop();
  const leftovers = await leftoversOf({ url, pid }, openFiles);
  return { minutes, requests, statuses, rss, trend: trendOf(rss), health, leftovers };
}

function isWarm(ms: number, requests: number): boolean {
  const { leastMs, mostMs } = WARM_UP;
  return ms >= mostMs || (ms >= leastMs && requests >= WARM_UP.requests);
}

/** Chats, continuations, embeddings, constrained answers and mistakes; one in five goes away early. */
async function oneRequest(url: string, random: (limit: number) => number): Promise<string> {
  const words = Array.from({ length: 1 + random(80) }, () => `w${random(50)}`).join(" ");
  const messages = [{ role: "user", content: words }];
  const draw = { max_tokens: 1 + random(60), seed: random(1_000), temperature: 1 };
  const kinds: readonly (readonly [string, unknown])[] = [
    ["/v1/chat/completions", { messages, ...draw, stream: true }],
    ["/v1/chat/completions", { messages, ...draw, n: 2, logprobs: true }],
    ["/v1/completions", { prompt: words, ...draw, stream: random(2) === 0 }],
    ["/v1/responses", { input: words, max_output_tokens: 20, stream: true }],
    ["/api/chat", { model: "tiny", messages, options: { num_predict: 20 } }],
    ["/v1/embeddings", { input: [words, "a"] }],
    ["/completion", { prompt: words, n_predict: 20, json_schema: schema }],
    ["/v1/chat/completions", { messages: 5 }],
    ["/v1/chat/completions", { messages: [{ role: "user", content: words.repeat(40) }] }],
    ["/nowhere", {}],
  ];
  const [path, body] = kinds[random(kinds.length)];
  const leaving = new AbortController();
  const timer = random(5) === 0 ? setTimeout(() => leaving.abort(), random(60)) : undefined;
  try {
    const response = await fetch(url + path, {
      ...{ method: "POST", body: JSON.stringify(body), signal: leaving.signal },
      headers: { "content-type": "application/json" },
    });
    const text = await response.text();
    return /"error":\{"message":"Internal/.test(text) ? "fault" : `${response.status}`;
  } catch {
    return leaving.signal.aborted ? "left" : "reset";
  } finally {
    clearTimeout(timer);
  }
}

function rssOf(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ??
    [];
  return Number(kibibytes) * 1024;
}

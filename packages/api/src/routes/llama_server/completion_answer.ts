/** From events to llama-server's completions, whole or piece by piece. Runs and sends nothing. */
import type { ServedEvent, ServedText } from "../../engine/served_model.ts";
import { wireLogprobs, wireTimings } from "../openai/answer_facts.ts";
import type {
  CompletionAnswer,
  CompletionBody,
  CompletionProbability,
} from "./completion_schema.ts";

/** What an answer tells besides what the model says. */
export interface CompletionFacts {
  readonly model: string;
  readonly contextTokens: number;
  /** The prompt as text. */
  readonly prompt: string;
}

/** A piece of a stream. */
export type CompletionPiece =
  & Pick<CompletionAnswer, "index" | "content" | "reasoning_content" | "tokens" | "id_slot">
  & { readonly stop: false; readonly completion_probabilities?: readonly CompletionProbability[] };

type End = Extract<ServedEvent, { readonly type: "end" }>;

/** No request asks for a slot of its own. */
const ANY_SLOT = -1;

/** Gathers an answer as it comes. */
export class CompletionText {
  readonly #body: CompletionBody;
  readonly #facts: CompletionFacts;
  readonly #probabilities: CompletionProbability[] = [];
  readonly #ids: number[] = [];
  /** Bytes of the answer's tokens, the stop string's among them. */
  readonly #bytes: number[] = [];
  #content = "";
  #reasoning = "";

  constructor(body: CompletionBody, facts: CompletionFacts) {
    this.#body = body;
    this.#facts = facts;
  }

  /** Takes an event; gives what a stream tells of it, if anything. */
  push({ type, text, tokens }: ServedText): CompletionPiece | undefined {
    const ids = tokens.map(({ id }) => id);
    const probabilities = this.#body.n_probs ? probabilitiesOf(tokens) : [];
    this.#ids.push(...ids);
    this.#probabilities.push(...probabilities);
    if (type === "content") {
      this.#content += text;
      for (const { bytes } of tokens) this.#bytes.push(...bytes);
    } else this.#reasoning += text;
    if (text === "" && ids.length === 0) return undefined;
    return {
      ...{ index: 0, content: type === "content" ? text : "" },
      ...(type === "reasoning" && text !== "" ? { reasoning_content: text } : {}),
      ...{ tokens: ids, id_slot: ANY_SLOT, stop: false },
      ...(probabilities.length > 0 ? { completion_probabilities: probabilities } : {}),
    };
  }

  /** The answer; after a stream it does not repeat what was told. */
  end({ finishReason, usage, timings }: End, wasStreamed: boolean): CompletionAnswer {
    const word = finishReason === "stop" ? this.#stoppingWord() : "";
    const { model, prompt } = this.#facts;
    return {
      ...{ index: 0, content: wasStreamed ? "" : this.#content },
      ...(this.#reasoning === "" || wasStreamed ? {} : { reasoning_content: this.#reasoning }),
      tokens: this.#body.return_tokens && !wasStreamed ? this.#ids : [],
      ...{ id_slot: ANY_SLOT, stop: true, model },
      ...{ tokens_predicted: usage.completionTokens, tokens_evaluated: usage.promptTokens },
      ...{ generation_settings: this.#settings(), prompt },
      ...{ has_new_line: this.#content.includes("\n"), truncated: false },
      stop_type: finishReason === "length" ? "limit" : word === "" ? "eos" : "word",
      ...{ stopping_word: word, tokens_cached: usage.cachedPromptTokens },
      timings: wireTimings(usage, timings),
      ...(this.#probabilities.length > 0 && !wasStreamed
        ? { completion_probabilities: this.#probabilities }
        : {}),
    };
  }

  /** The engine tells no reason, but the tokens that were drawn hold the stop string, and the text does not. */
  #stoppingWord(): string {
    const drawn = new TextDecoder().decode(new Uint8Array(this.#bytes));
    const found = (this.#body.stop ?? [])
      .map((word) => ({ word, at: word === "" ? -1 : drawn.indexOf(word) }))
      .filter(({ at }) => at >= 0)
      .sort((a, b) => a.at - b.at);
    return found[0]?.word ?? "";
  }

  #settings(): Record<string, unknown> {
    const { prompt: _prompt, model: _model, ...given } = this.#body;
    return { n_ctx: this.#facts.contextTokens, ...given };
  }
}

function probabilitiesOf(tokens: ServedText["tokens"]): CompletionProbability[] {
  return wireLogprobs(tokens).map((told, i) => ({ id: tokens[i].id, ...told }));
}

/** The adapters that a model was loaded with: gives the decoder that runs with those a request chooses. Reads no file. */
import type { TrainableBackend } from "../../backend/grad_ops.ts";
import type { Decoder } from "../../engine/decoder.ts";
import { UnsupportedError } from "../../errors.ts";
import type { AdapterChoice, AdapterFacts, AdapterShare } from "../../events.ts";
import { adaptedOps } from "../adapted_ops.ts";
import { type Adapters, loadAdapters } from "../adapter.ts";
import type { ReadLora } from "./adapter_plan.ts";

/** An adapter on a backend. */
interface Loaded {
  readonly facts: AdapterFacts;
  readonly adapters: Adapters;
  readonly hash: Uint8Array<ArrayBuffer>;
}

/** One that a request uses. */
interface Chosen extends Loaded {
  readonly scale: number;
}

/** Sets of adapters whose decoders are kept; others are made again when they are asked for. */
const MOST_DECODERS = 64;

/**
 * Gives equal choices one decoder, by which the prefix cache and the scheduler tell them apart. Adapters are added in the
 * order in which they were loaded, whatever the order of a choice.
 */
export class LoadedAdapters {
  /** The least recently used first. */
  readonly #decoders = new Map<string, Decoder>();
  readonly #loaded: readonly Loaded[];

  private constructor(
    private readonly base: Decoder,
    private readonly backend: TrainableBackend,
    loaded: readonly Loaded[],
  ) {
    this.#loaded = loaded;
  }

  /**
   * Puts what was read where the backend can use it.
   * @throws {UnsupportedError} if those without names cannot apply together
   */
  static async load(
    base: Decoder,
    backend: TrainableBackend,
    read: readonly ReadLora[],
  ): Promise<LoadedAdapters> {
    const loaded: Loaded[] = [];
    for (const { facts, values, hash } of read) {
      loaded.push({ facts, hash, adapters: await loadAdapters(backend, values) });
    }
    const all = new LoadedAdapters(base, backend, loaded);
    all.decoderOf(undefined);
    return all;
  }

  /** In the order in which they were given. */
  get facts(): readonly AdapterFacts[] {
    return this.#loaded.map(({ facts }) => facts);
  }

  /**
   * What runs a request of this choice; without adapters the model's own decoder.
   * @throws {RangeError} naming an adapter that there is not
   * @throws {UnsupportedError} for two that change the same bank of experts
   */
  decoderOf(choice: AdapterChoice | undefined): Decoder {
    const chosen = this.#chosen(choice);
    if (chosen.length === 0) return this.base;
    const key = JSON.stringify(chosen.map(({ facts, scale }) => [facts.name, scale]));
    const decoder = this.#decoders.get(key) ?? this.base.over(this.#opsOf(chosen));
    this.#decoders.delete(key);
    this.#decoders.set(key, decoder);
    const [oldest] = this.#decoders.keys();
    if (this.#decoders.size > MOST_DECODERS) this.#decoders.delete(oldest);
    return decoder;
  }

  /** What tells the keys of this choice from others' besides the model: nothing for the model alone. */
  identityOf(choice: AdapterChoice | undefined): readonly Uint8Array<ArrayBuffer>[] {
    return this.#chosen(choice).flatMap(({ hash, scale }) => [
      hash,
      new Uint8Array(Float64Array.of(scale).buffer),
    ]);
  }

  #chosen(choice: AdapterChoice | undefined): Chosen[] {
    const scales = this.#scales(choice);
    return this.#loaded.flatMap((one) => {
      const scale = scales.get(one.facts.name) ?? 0;
      return scale === 0 ? [] : [{ ...one, scale }];
    });
  }

  #scales(choice: AdapterChoice | undefined): ReadonlyMap<string, number> {
    const shares: readonly AdapterShare[] = choice === undefined
      ? this.#loaded.flatMap(({ facts: { isDefault, name } }) => isDefault ? [{ name }] : [])
      : sharesOf(choice);
    const scales = new Map<string, number>();
    for (const { name, scale } of shares) {
      const found = typeof name === "number"
        ? this.#loaded[name]
        : this.#loaded.find(({ facts }) => facts.name === name);
      if (!found) throw this.#unknown(name);
      const key = found.facts.name;
      const own = scale ?? found.facts.scale;
      if (typeof own !== "number" || !Number.isFinite(own)) {
        throw new RangeError(`adapter has ${key} with a scale of ${own}, it must be a number`);
      }
      if (scales.has(key)) throw new RangeError(`adapter names ${key} twice`);
      scales.set(key, own);
    }
    return scales;
  }

  #unknown(name: string | number): RangeError {
    const names = this.#loaded.map(({ facts }) => facts.name);
    const known = names.length > 0 ? `it has ${names.join(", ")}` : "it has none";
    return new RangeError(
      `adapter ${JSON.stringify(name)} is none of those that the model was loaded with: ${known}`,
    );
  }

  #opsOf(chosen: readonly Chosen[]): Decoder["ops"] {
    checkBanks(chosen);
    const { grad } = this.backend;
    return chosen.reduce(
      (ops, { adapters, scale }) => adaptedOps({ ops, grad }, scaled(adapters, scale)),
      this.base.ops,
    );
  }
}

function sharesOf(choice: AdapterChoice): readonly AdapterShare[] {
  if (choice === null) return [];
  if (typeof choice === "string") return [{ name: choice }];
  if (Array.isArray(choice)) return choice;
  throw new RangeError("adapter must be a name, null, or a list of { name, scale }");
}

/** A core adds one pair of matrices to a bank of experts. */
function checkBanks(chosen: readonly Chosen[]): void {
  const owners = new Map<string, string>();
  for (const { facts: { name }, adapters } of chosen) {
    for (const weight of adapters.keys()) {
      if (!weight.includes("_exps.")) continue;
      const other = owners.get(weight);
      if (other !== undefined) {
        throw new UnsupportedError(
          `The adapters ${other} and ${name} both change the experts of ${weight}: use one at a time, or merge one into the model`,
          weight,
        );
      }
      owners.set(weight, name);
    }
  }
}

function scaled(adapters: Adapters, factor: number): Adapters {
  if (factor === 1) return adapters;
  return new Map(
    [...adapters].map(([name, one]) => [name, { ...one, scale: one.scale * factor }]),
  );
}

/** The names of a model cut into several files: `model-00001-of-00003.gguf`. Opens nothing. */

const SHARD = /-(\d{5})-of-(\d{5})\.gguf(?=$|[?#])/i;

/** Which part of a model a name stands for. */
export interface ShardName {
  /** From 1 on, as in the name. */
  readonly number: number;
  readonly count: number;
  /** The names of all parts in order. */
  readonly all: readonly string[];
}

/** Reads a path or URL; undefined where it names no part of a model. */
export function parseShardName(name: string): ShardName | undefined {
  const match = SHARD.exec(name);
  if (!match) return undefined;
  const [number, count] = [Number(match[1]), Number(match[2])];
  if (number < 1 || number > count) return undefined;
  const all = Array.from({ length: count }, (_, i) => {
    const padded = String(i + 1).padStart(5, "0");
    return name.replace(SHARD, `-${padded}-of-${match[2]}.gguf`);
  });
  return { number, count, all };
}

/** A name that all parts of a model have in common; other names stay as they are. */
export function withoutShardNumber(name: string): string {
  return name.replace(SHARD, (_, _number, count) => `-of-${count}.gguf`);
}

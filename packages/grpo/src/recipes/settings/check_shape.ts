/** Whether a shape in a recipe's settings is whole, before a model is made of it. Makes none. */
import { count, flag, number, oneOf, wrongType } from "../../settings/field.ts";

const ARCHITECTURE = oneOf(["llama", "deepseek2"]);
const SIZES = ["width", "layers", "heads", "hidden"];
const LATENT_SIZES = ["queryRank", "rank", "nopeSize", "rotarySize", "valueSize"];
const EXPERT_SIZES = ["experts", "used", "shared", "hidden"];
const NOT_NEGATIVE = number({ min: 0, isWhole: true });

/** @throws {TypeError | RangeError} naming the first size that is missing or cannot be; a shape is given whole */
export function checkShape(value: unknown, key: string): void {
  const shape = objectOf(value, key);
  const architecture = ARCHITECTURE.read(shape.architecture, `${key}.architecture`);
  for (const name of SIZES) count.read(shape[name], `${key}.${name}`);
  if (shape.contextTokens !== undefined) count.read(shape.contextTokens, `${key}.contextTokens`);
  if (architecture === "llama") {
    const { width, heads } = shape as { readonly width: number; readonly heads: number };
    if (width % heads === 0) return;
    throw new RangeError(`${key}.width is ${width}, it must be a multiple of the ${heads} heads`);
  }
  const latent = objectOf(shape.latent, `${key}.latent`);
  for (const name of LATENT_SIZES) count.read(latent[name], `${key}.latent.${name}`);
  const mixture = objectOf(shape.mixture, `${key}.mixture`);
  for (const name of EXPERT_SIZES) count.read(mixture[name], `${key}.mixture.${name}`);
  NOT_NEGATIVE.read(mixture.denseLayers, `${key}.mixture.denseLayers`);
  flag.read(shape.multiToken, `${key}.multiToken`);
}

function objectOf(value: unknown, key: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw wrongType(key, value, "an object with all sizes");
}

/** Takes the reward out of an imported module. Imports into the process it is called in; starts none. */
import type { Reward } from "../reward.ts";

const FILE = "file://";

/**
 * The reward that the module at a file: URL exports under this name: a function, or an object with `score` and maybe name, weight and time limit. A
 * function's reward is named after the file. Throws a TypeError if there is none.
 */
export async function importReward(href: string, exportName: string): Promise<Reward> {
  // Written so that publishing sees that no import map is needed.
  const exports: Record<string, unknown> = await import(`file://${href.slice(FILE.length)}`);
  const found = exports[exportName];
  const name = exportName === "default" ? fileName(href) : exportName;
  if (typeof found === "function") return { name, score: found as Reward["score"] };
  const reward = found as Partial<Reward> | null | undefined;
  if (typeof reward?.score === "function") return { name, ...reward, score: reward.score };
  throw new TypeError(
    `${href} exports ${Object.keys(exports).join(", ") || "nothing"}; its export ${exportName} ` +
      "must be a reward function, or an object with the function as score",
  );
}

function fileName(href: string): string {
  return decodeURIComponent(new URL(href).pathname).replace(/^.*\//, "").replace(
    /\.[cm]?[jt]sx?$/,
    "",
  );
}

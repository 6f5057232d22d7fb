/** The JavaScript of `@aha/runtime/embedded` for Node and bundlers: the builds of the core as text. Writes no file. */
import { gzipSync } from "node:zlib";

const HEAD = `/** Puts the three builds of the core into the program; made from the wasm files. */
import { provideCore } from "./core_builds.js";

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return await new Response(stream).arrayBuffer();
}

provideCore({
`;

/** A module that provides these builds, each as gzip in base64 and unpacked only if it is used. */
export function embeddedModule(builds: readonly (readonly [name: string, Uint8Array])[]): string {
  const entries = builds.map(([name, bytes]) =>
    `  ${name}: () => unpack("${gzipSync(bytes, { level: 9 }).toString("base64")}"),\n`
  );
  return `${HEAD}${entries.join("")}});\n`;
}

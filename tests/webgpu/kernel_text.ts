/** Pieces of WGSL that the kernels' templates share. Kernels are unrolled text with scalar variables: loops over arrays spill. */

/** Declares the storage buffers of a kernel in the order of their bindings; the last one is written. */
export function storage(...declarations: readonly string[]): string {
  return declarations.map((declaration, binding) => {
    const access = binding === declarations.length - 1 ? "read_write" : "read";
    return `@group(0) @binding(${binding}) var<storage, ${access}> ${declaration};`;
  }).join("\n");
}

/** Lines for i from 0 to count - 1. */
export function unroll(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join("\n");
}

/** A number as a literal of f32. */
export function literal(value: number): string {
  return `f32(${Math.fround(value).toExponential()})`;
}

/** The parameters of `main` that say which thread runs. */
export const THREAD = "@builtin(global_invocation_id) id: vec3u";
export const GROUP_AND_LANE =
  "@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32";

/** Says what a file that is no GGUF file looks like, for error messages. Reads nothing itself. */

/** What the first bytes (up to 64 are looked at) remind of, with what to do, in words. */
export function describeFileKind(head: Uint8Array): string {
  const text = String.fromCharCode(...head.subarray(0, 64));
  const trimmed = text.trimStart().toLowerCase();
  if (trimmed.startsWith("<!doctype") || trimmed.startsWith("<html")) {
    return "it is an HTML page, as a server sends instead of a file: check the address";
  }
  if (text.startsWith("version https://git-lfs")) {
    return "it is a Git LFS pointer: fetch the file itself with git lfs pull";
  }
  if (text.startsWith("PK\x03\x04")) {
    return "it is a zip archive (a wheel or a PyTorch checkpoint): convert the model to GGUF";
  }
  if (head.length >= 10 && text[8] === "{" && head[6] === 0 && head[7] === 0) {
    return "it is a safetensors file: convert the model to GGUF";
  }
  if (/^(ggml|lmgg|ggjt|tjgg|ggmf|fmgg|ggla|algg)/i.test(text)) {
    return "it is an older ggml file: convert the model to GGUF again";
  }
  if (text.startsWith("\x1f\x8b")) return "it is gzip data: unpack it first";
  if (trimmed.startsWith("{") || trimmed.startsWith("[")) return "it is JSON text";
  if (head.every((byte) => byte === 0)) return "it begins with zeros, as a broken download does";
  const hex = Array.from(head.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0"));
  return `it begins with the bytes ${hex.join(" ")}, not with "GGUF"`;
}

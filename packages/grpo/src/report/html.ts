/** HTML from templates in which every value is escaped but for HTML itself. Knows no element. */

/** Text that is HTML already. */
export class Html {
  constructor(readonly text: string) {}
}

/** What may stand in a template: text is escaped, lists are joined, false and undefined are nothing. */
export type HtmlValue = string | number | Html | false | undefined | readonly HtmlValue[];

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A template's HTML (named so that formatters leave it as it is). Values are safe as text and in quoted attributes. */
export function markup(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(
    parts.map((part, i) => part + (i < values.length ? toText(values[i]) : "")).join(""),
  );
}

function toText(value: HtmlValue): string {
  if (value instanceof Html) return value.text;
  if (value === false || value === undefined) return "";
  if (Array.isArray(value)) return value.map(toText).join("");
  return escaped(String(value));
}

/** C0 controls that HTML forbids, and halves of surrogate pairs. */
// deno-lint-ignore no-control-regex -- these are what is looked for
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]|\p{Cs}/gu;

function escaped(text: string): string {
  return text.replace(FORBIDDEN, "\ufffd").replace(/[&<>"']/g, (c) => ESCAPES[c]);
}

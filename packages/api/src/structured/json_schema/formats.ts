/** The formats of strings that can be held, as patterns. Each is a part of what its RFC allows, and holds nothing else. */
import { UnsupportedSchemaError } from "../unsupported_schema_error.ts";

const MONTH_DAY = "(0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|" +
  "(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8])";
const LEAP_YEAR = "\\d\\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00";
const DATE = `(\\d{4}-(${MONTH_DAY})|(${LEAP_YEAR})-02-29)`;
const HOUR_MINUTE = "([01]\\d|2[0-3]):[0-5]\\d";
const TIME = `${HOUR_MINUTE}:[0-5]\\d(\\.\\d{1,9})?(Z|[+-]${HOUR_MINUTE})`;
const SOME = "\\d{1,6}";
const CLOCK = `T(${SOME}H(${SOME}M(${SOME}S)?)?|${SOME}M(${SOME}S)?|${SOME}S)`;
const DAYS = `(${SOME}Y(${SOME}M(${SOME}D)?)?|${SOME}M(${SOME}D)?|${SOME}D)`;
/** With at most 6 labels a name keeps within 253 characters. */
const LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,38}[A-Za-z0-9])?";
const MAILBOX = "[A-Za-z0-9_+-]{1,20}(\\.[A-Za-z0-9_+-]{1,20}){0,2}";
const OCTET = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const GROUP = "[0-9A-Fa-f]{1,4}";
const PATH_CHARACTER = "([A-Za-z0-9\\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})";

/** Of 8 groups of digits, or fewer with one `::`. */
function ipv6(): string {
  const forms = [`(${GROUP}:){7}${GROUP}`, `(${GROUP}:){1,7}:`, `:(:${GROUP}){1,7}`];
  for (let after = 1; after <= 6; after++) {
    forms.push(`(${GROUP}:){1,${7 - after}}(:${GROUP}){${after}}`);
  }
  return `${forms.join("|")}|::`;
}

const PATTERNS: ReadonlyMap<string, string> = new Map([
  ["date", DATE],
  ["time", TIME],
  ["date-time", `${DATE}T${TIME}`],
  ["duration", `P(${SOME}W|${DAYS}(${CLOCK})?|${CLOCK})`],
  ["email", `${MAILBOX}@${LABEL}(\\.${LABEL}){1,3}`],
  ["hostname", `${LABEL}(\\.${LABEL}){0,5}`],
  ["ipv4", `${OCTET}(\\.${OCTET}){3}`],
  ["ipv6", ipv6()],
  ["uuid", "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"],
  [
    "uri",
    `[A-Za-z][A-Za-z0-9+.-]*://${LABEL}(\\.${LABEL}){0,3}(:\\d{1,5})?(/${PATH_CHARACTER}*)*` +
    `(\\?(${PATH_CHARACTER}|[/?])*)?(#(${PATH_CHARACTER}|[/?])*)?`,
  ],
]);

/** Formats of the standard that are not held; any other name is the author's own and asks for nothing. */
const UNSUPPORTED: ReadonlySet<string> = new Set([
  ...["idn-email", "idn-hostname", "uri-reference", "iri", "iri-reference", "uri-template"],
  ...["json-pointer", "relative-json-pointer", "regex", "url", "json-pointer-uri-fragment"],
]);

/** The pattern of a format; undefined for names that are not of the standard. */
export function formatPattern(format: string, path: string): string | undefined {
  if (UNSUPPORTED.has(format)) {
    throw new UnsupportedSchemaError(`The format ${format} is not supported`, path);
  }
  const pattern = PATTERNS.get(format);
  return pattern === undefined ? undefined : `^(?:${pattern})$`;
}

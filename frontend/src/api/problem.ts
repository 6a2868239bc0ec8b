const FINAL = new Set([
  "bad_url",
  "corrupt_image",
  "forbidden_address",
  "image_too_large",
  "too_many_pixels",
  "unsupported_image",
]);

/** Why there is no answer: an RFC 9457 document, or something of the network. */
export class Problem extends Error {
  override name = "Problem";

  constructor(
    readonly code: string,
    readonly status: number,
    /** For people, from the service; English. */
    readonly detail: string,
    /** Seconds until another try is worth it. */
    readonly retryAfter: number | null = null,
    readonly requestId: string | null = null,
    /** Messages by the name of a form's field. */
    readonly fields: Readonly<Record<string, readonly string[]>> = {},
  ) {
    super(`${code}: ${detail}`);
  }

  /** Whether the same request will never work. */
  get isFinal(): boolean {
    return FINAL.has(this.code);
  }
}

/** The service was not reached. */
export function unreachable(): Problem {
  return new Problem("network", 0, "");
}

/** What a reply that is no success says. `body` is its JSON, or whatever else came. */
export function problemOf(status: number, body: unknown, retryAfter: string | null): Problem {
  const wait = seconds(retryAfter);
  if (!isRecord(body)) return new Problem("unknown", status, "", wait);
  const detail = text(body.detail);
  if (typeof body.code === "string") {
    return new Problem(body.code, status, detail, wait, text(body.request_id) || null, messages(body.errors));
  }
  return new Problem(detail ? "unknown" : "invalid_fields", status, detail, wait, null, messages(body));
}

function seconds(value: string | null): number | null {
  const parsed = value === null ? NaN : Number.parseFloat(value);
  return Number.isFinite(parsed) && parsed >= 0 ? parsed : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** {"username": ["…"]}, as Django REST framework and Djoser tell it. */
function messages(value: unknown): Record<string, string[]> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value)
      .filter((entry): entry is [string, unknown[]] => Array.isArray(entry[1]))
      .map(([field, list]) => [field, list.map(String)]),
  );
}

const FINAL_CODES = new Set([
  "bad_url",
  "body_too_complex",
  "corrupt_image",
  "forbidden_address",
  "image_too_large",
  "too_many_pixels",
  "unsupported_image",
]);

/** A failed request: an RFC 9457 problem document, or a network failure. */
export class Problem extends Error {
  override name = "Problem";

  constructor(
    readonly code: string,
    /** HTTP status; 0 for a network failure. */
    readonly status: number,
    /** Explanation from the service, in English. */
    readonly detail: string,
    /** Seconds to wait before a retry. */
    readonly retryAfter: number | null = null,
    readonly requestId: string | null = null,
    /** Messages by form field. */
    readonly fields: Readonly<Record<string, readonly string[]>> = {},
  ) {
    super(`${code}: ${detail}`);
  }

  /** Whether a retry of the same request cannot succeed. */
  get isFinal(): boolean {
    return FINAL_CODES.has(this.code);
  }
}

/** The service could not be reached. */
export function networkProblem(): Problem {
  return new Problem("network", 0, "");
}

/** The problem in an error response. `body` is its parsed JSON, or anything else that was received. */
export function parseProblem(status: number, body: unknown, retryAfter: string | null): Problem {
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

/** Messages by field, {"username": ["…"]}, in the format of Django REST framework and Djoser. */
function messages(value: unknown): Record<string, string[]> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value)
      .filter((entry): entry is [string, unknown[]] => Array.isArray(entry[1]))
      .map(([field, list]) => [field, list.map(String)]),
  );
}

import { vi } from "vitest";

export interface MockResponse {
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export type Handler = (request: Request) => MockResponse | Promise<MockResponse>;

/** Replaces fetch: responses by "METHOD /path", or functions that return them. Returns the recorded requests. */
export function mockServer(responses: Record<string, MockResponse | Handler>): Request[] {
  const requests: Request[] = [];
  vi.stubGlobal("fetch", async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    requests.push(request.clone());
    const response = responses[`${request.method} ${new URL(request.url).pathname}`];
    if (!response) throw new TypeError("Failed to fetch");
    const { status = 200, body, headers } = typeof response === "function" ? await response(request) : response;
    const hasBody = body !== undefined && status !== 204;
    return new Response(hasBody ? JSON.stringify(body) : null, {
      status,
      headers: { ...(hasBody ? { "Content-Type": "application/json" } : {}), ...headers },
    });
  });
  return requests;
}

import { vi } from "vitest";

export interface Answer {
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
}

/** Stands for the service: `answers` by "METHOD /path", each a reply or what makes one. Says what was asked. */
export function serve(answers: Record<string, Answer | ((request: Request) => Answer | Promise<Answer>)>): Request[] {
  const asked: Request[] = [];
  vi.stubGlobal("fetch", async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    asked.push(request.clone());
    const answer = answers[`${request.method} ${new URL(request.url).pathname}`];
    if (!answer) throw new TypeError("Failed to fetch");
    const { status = 200, body, headers } = typeof answer === "function" ? await answer(request) : answer;
    const hasBody = body !== undefined && status !== 204;
    return new Response(hasBody ? JSON.stringify(body) : null, {
      status,
      headers: { ...(hasBody ? { "Content-Type": "application/json" } : {}), ...headers },
    });
  });
  return asked;
}

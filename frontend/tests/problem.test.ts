import { networkProblem, parseProblem, Problem } from "@/api/problem";
import { describeProblem } from "@/api/problemMessage";
import { en } from "@/texts/en";
import { expect, test } from "vitest";

test("a problem document is parsed with code, detail and Retry-After", () => {
  const body = { code: "rate_limited", detail: "The limit is 300/minute.", request_id: "86e6", status: 429 };
  const problem = parseProblem(429, body, "4");
  expect(problem).toMatchObject({ code: "rate_limited", detail: body.detail, requestId: "86e6", retryAfter: 4 });
  expect(problem.isFinal).toBe(false);
});

test("field messages are parsed in both formats", () => {
  const messages = { username: ["A user with that username already exists."] };
  expect(parseProblem(400, messages, null)).toMatchObject({ code: "invalid_fields", fields: messages });
  expect(parseProblem(400, { code: "invalid_fields", detail: "", errors: messages }, null).fields).toEqual(messages);
});

test.each([["<html>bad gateway</html>"], [null], [undefined], [["list"]]])("%j is not a problem document", (body) => {
  expect(parseProblem(502, body, "soon")).toMatchObject({ code: "unknown", detail: "", retryAfter: null });
});

test("permanent problems are final", () => {
  expect(parseProblem(415, { code: "unsupported_image", detail: "" }, null).isFinal).toBe(true);
  expect(networkProblem().isFinal).toBe(false);
});

test("every code has a title and advice, unknown ones too", () => {
  for (const code of [...Object.keys(en.problems.byCode), "brand_new"]) {
    const message = describeProblem(new Problem(code, 500, "From the service."), en);
    expect(message.title).not.toBe("");
    expect(message.advice).toMatch(/[.]$/);
    expect(message.detail).toBe("From the service.");
  }
});

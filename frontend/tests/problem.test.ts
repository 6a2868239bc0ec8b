import { Problem, problemOf, unreachable } from "@/api/problem";
import { inWords } from "@/api/words";
import { en } from "@/texts/en";
import { expect, test } from "vitest";

test("a problem document keeps its code, its words and the wait it asks for", () => {
  const body = { code: "rate_limited", detail: "The limit is 300/minute.", request_id: "86e6", status: 429 };
  const problem = problemOf(429, body, "4");
  expect(problem).toMatchObject({ code: "rate_limited", detail: body.detail, requestId: "86e6", retryAfter: 4 });
  expect(problem.isFinal).toBe(false);
});

test("messages by field are found in both forms they come in", () => {
  const messages = { username: ["A user with that username already exists."] };
  expect(problemOf(400, messages, null)).toMatchObject({ code: "invalid_fields", fields: messages });
  expect(problemOf(400, { code: "invalid_fields", detail: "", errors: messages }, null).fields).toEqual(messages);
});

test.each([["<html>bad gateway</html>"], [null], [undefined], [["list"]]])("%j is no document", (body) => {
  expect(problemOf(502, body, "soon")).toMatchObject({ code: "unknown", detail: "", retryAfter: null });
});

test("what cannot change is not tried again", () => {
  expect(problemOf(415, { code: "unsupported_image", detail: "" }, null).isFinal).toBe(true);
  expect(unreachable().isFinal).toBe(false);
});

test("every code says what happened and what to do; an unknown one does, too", () => {
  for (const code of [...Object.keys(en.problems.byCode), "brand_new"]) {
    const words = inWords(new Problem(code, 500, "Said by the service."), en);
    expect(words.title).not.toBe("");
    expect(words.advice).toMatch(/[.]$/);
    expect(words.detail).toBe("Said by the service.");
  }
});

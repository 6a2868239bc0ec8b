import type { Texts } from "@/texts/en";
import type { Problem } from "./problem";

export interface ProblemMessage {
  title: string;
  /** What to do next. */
  advice: string;
  /** The service's explanation, in English; empty if it has none. */
  detail: string;
}

/** The message for a problem in the language of `texts`. */
export function describeProblem(problem: Problem, texts: Texts): ProblemMessage {
  const [title, advice] = texts.problems.byCode[problem.code] ?? texts.problems.fallback;
  return { title, advice, detail: problem.detail };
}

import type { Texts } from "@/texts/en";
import type { Problem } from "./problem";

export interface Words {
  title: string;
  /** What to do next. */
  advice: string;
  /** What the service said beyond that, in English; empty where it adds nothing. */
  detail: string;
}

/** A problem as people are told it. */
export function inWords(problem: Problem, texts: Texts): Words {
  const [title, advice] = texts.problems.byCode[problem.code] ?? texts.problems.fallback;
  return { title, advice, detail: problem.detail };
}

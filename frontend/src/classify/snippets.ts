import { classificationsUrl, type ClassifyOptions } from "@/api/classify";
import type { Source } from "./source";

/** A shell command for the same request. */
export function curlSnippet(source: Source, options: ClassifyOptions): string {
  const url = shellQuote(classificationsUrl(options));
  return source.kind === "file"
    ? `curl --data-binary ${shellQuote(`@${source.name}`)} ${url}`
    : `curl --json ${shellQuote(JSON.stringify({ image_url: source.url }))} ${url}`;
}

/** Python code for the same request, with httpx. */
export function pythonSnippet(source: Source, options: ClassifyOptions): string {
  const [url, query] = classificationsUrl(options).split("?") as [string, string];
  const params = [...new URLSearchParams(query)].map((parameter) => parameter.map(pythonString).join(": ")).join(", ");
  const [imports, input] =
    source.kind === "file"
      ? ["from pathlib import Path\n\n", `content=Path(${pythonString(source.name)}).read_bytes()`]
      : ["", `json={"image_url": ${pythonString(source.url)}}`];
  return `${imports}import httpx

response = httpx.post(
    ${pythonString(url)},
    params={${params}},
    ${input},
    timeout=60,
)
response.raise_for_status()
for prediction in response.json()["predictions"]:
    print(f"{prediction['probability']:.1%}  {prediction['label']}")
`;
}

function shellQuote(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/** A Python string literal: JSON's syntax is valid Python. */
function pythonString(value: string): string {
  return JSON.stringify(value);
}

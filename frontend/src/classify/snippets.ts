import { classificationsUrl, type Options } from "@/api/classify";
import type { Source } from "./source";

/** The same request for a shell. */
export function curl(source: Source, options: Options): string {
  const address = shell(classificationsUrl(options));
  return source.kind === "file"
    ? `curl --data-binary ${shell(`@${source.name}`)} ${address}`
    : `curl --json ${shell(JSON.stringify({ image_url: source.url }))} ${address}`;
}

/** The same request for Python, with httpx. */
export function python(source: Source, options: Options): string {
  const [address, query] = classificationsUrl(options).split("?") as [string, string];
  const params = [...new URLSearchParams(query)].map(([name, value]) => `${text(name)}: ${text(value)}`).join(", ");
  const [imported, input] =
    source.kind === "file"
      ? ["from pathlib import Path\n\n", `content=Path(${text(source.name)}).read_bytes()`]
      : ["", `json={"image_url": ${text(source.url)}}`];
  return `${imported}import httpx

reply = httpx.post(
    ${text(address)},
    params={${params}},
    ${input},
    timeout=60,
)
reply.raise_for_status()
for prediction in reply.json()["predictions"]:
    print(f"{prediction['probability']:.1%}  {prediction['label']}")
`;
}

function shell(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/** JSON's strings are Python's. */
function text(value: string): string {
  return JSON.stringify(value);
}

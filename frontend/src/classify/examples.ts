import { serviceUrl } from "@/api/baseUrl";

/** SHA-256 of each example photo in public/examples, which also holds their licence. */
const DIGESTS = {
  cat: "bfb95a156c28de439a9b89d7ec48b8908ec9588eb5a652f19335f1302891ce36",
  espresso: "0cc2106314ece62bcffeeb9752d77ee1c114bfef76e93e4e74f86420f0e0cb8c",
  rocket: "aa5f9d22de353c9d16e447afaad36da1a900e1f391d0344cedc97ffe1df3b265",
  camera: "9b0cf775d843a41c38af5a26813d307ee4037399a25df4b90a569eb81e526261",
} as const;

export type Example = keyof typeof DIGESTS;
export const EXAMPLES = Object.keys(DIGESTS) as Example[];

export function exampleUrl(name: Example): string {
  return serviceUrl(`examples/${name}.jpg`);
}

/** The example with this SHA-256. */
export function findExample(sha256: string): Example | null {
  return EXAMPLES.find((name) => DIGESTS[name] === sha256) ?? null;
}

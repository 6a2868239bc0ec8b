/** The page of a class in WordNet 3.0, the source of ImageNet's classes. A wnid is part of speech and offset. */
export function synsetUrl(wnid: string): string {
  return `https://wordnet-rdf.princeton.edu/pwn30/${wnid.slice(1)}-${wnid.slice(0, 1)}`;
}

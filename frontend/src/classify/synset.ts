/** Where WordNet 3.0, from which ImageNet has its classes, says what a class means. "n02123159" is a noun's offset. */
export function synsetUrl(wnid: string): string {
  return `https://wordnet-rdf.princeton.edu/pwn30/${wnid.slice(1)}-${wnid.slice(0, 1)}`;
}

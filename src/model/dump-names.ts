/** Ids and names for models that come from a dump. */

const VENDOR_WORDS: ReadonlyMap<string, string> = new Map([
  ["GenuineIntel", "Intel"],
  ["AuthenticAMD", "AMD"],
  ["HygonGenuine", "Hygon"],
  ["CentaurHauls", "Centaur"],
  ["  Shanghai  ", "Zhaoxin"],
]);

/** What brand strings carry beside the name. */
const BRAND_NOISE: RegExp = /\((?:r|tm|c)\)|@.*$|\b\d+th gen\b|\bwith .*$|\b\w+-core processor\b|\bprocessor\b|\bcpu\b|\b0$/gi;

/** `Intel`, `AMD`, or the vendor string itself. */
export function vendorWord(vendor: string): string {
  return VENDOR_WORDS.get(vendor) ?? vendor.trim();
}

/** A name for people from the brand string, or from the signature where there is none. */
export function nameOfCpu(vendor: string, brand: string, family: number, model: number): string {
  const word = vendorWord(vendor);
  const cleaned = brand
    .replaceAll(BRAND_NOISE, " ")
    .replaceAll(/[^A-Za-z0-9 .,+()/&@_-]+/g, " ")
    .replaceAll(/ +/g, " ")
    .trim();
  const signature = `family ${family.toString(16)}h model ${model.toString(16)}h`;
  const name = cleaned === "" ? signature : cleaned;
  const full = name.toLowerCase().startsWith(word.toLowerCase()) ? name : `${word} ${name}`;
  return (
    full
      .replace(/^[^A-Za-z0-9]+/, "")
      .slice(0, 100)
      .trim() || signature
  );
}

/** The id that goes with a name: `intel-core-i7-1165g7`. */
export function idOfName(name: string): string {
  const id = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return id.slice(0, 64).replaceAll(/^-+|-+$/g, "") || "cpu";
}

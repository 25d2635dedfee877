/** x87's double extended precision in decimal: 64-bit significand with an explicit integer bit, exponent bias 16383 (SDM vol. 1, 4.2.2). */

const BIAS = 16383;
/** Digits that always tell two neighbours apart: 1 + ceil(64 * log10(2)). */
const MOST_DIGITS = 21;

/**
 * The fewest digits that only this number is nearest to: `3.14159265358979323846`, `1e-4951`, `-0`, `inf`, `nan(...)`.
 * Encodings that the FPU refuses (SDM vol. 1, 8.2.2: unnormals, pseudo-NaN, pseudo-infinity) are named with their bits.
 */
export function x87Decimal(significand: bigint, signAndExponent: number): string {
  const sign = signAndExponent & 0x8000 ? "-" : "";
  const exponent = signAndExponent & 0x7fff;
  const bits = `0x${significand.toString(16)}`;
  const integerBit = significand >> 63n === 1n;
  if (exponent === 0x7fff) {
    if (!integerBit) return `${sign}unsupported(${bits})`;
    return significand === 1n << 63n ? `${sign}inf` : `${sign}nan(${bits})`;
  }
  if (exponent > 0 && !integerBit) return `${sign}unsupported(${bits})`;
  if (significand === 0n) return `${sign}0`;
  // significand * 2^power; exponent 0 (denormal, pseudo-denormal) counts as 1.
  return sign + decimal(significand, Math.max(exponent, 1) - BIAS - 63);
}

function decimal(significand: bigint, power: number): string {
  // numerator / denominator is the number, half a unit in the last place is 1 / (2 * unit) of the same denominator.
  const numerator = power >= 0 ? significand << BigInt(power) : significand;
  const denominator = power >= 0 ? 1n : 1n << BigInt(-power);
  const unit = power >= 0 ? 1n << BigInt(power) : 1n;
  const exponent = decimalExponent(numerator, denominator);
  for (let digits = 1; ; digits++) {
    const shift = digits - 1 - exponent;
    const scaled = shift >= 0 ? numerator * 10n ** BigInt(shift) : numerator;
    const by = shift >= 0 ? denominator : denominator * 10n ** BigInt(-shift);
    const scaledUnit = shift >= 0 ? unit * 10n ** BigInt(shift) : unit;
    const rounded = (2n * scaled + by) / (2n * by);
    const error = rounded * by - scaled;
    if (digits >= MOST_DIGITS || 2n * (error < 0n ? -error : error) < scaledUnit)
      return placed(rounded.toString(), digits, exponent);
  }
}

/** floor(log10(numerator / denominator)). */
function decimalExponent(numerator: bigint, denominator: bigint): number {
  let exponent = Math.floor((numerator.toString(2).length - denominator.toString(2).length) * Math.LOG10E * Math.LN2);
  const atLeast = (power: number): boolean =>
    power >= 0 ? numerator >= denominator * 10n ** BigInt(power) : numerator * 10n ** BigInt(-power) >= denominator;
  while (!atLeast(exponent)) exponent--;
  while (atLeast(exponent + 1)) exponent++;
  return exponent;
}

/** Digits with the point, or with an exponent outside 1e-7 .. 1e21, as JavaScript writes numbers. */
function placed(text: string, digits: number, exponentBefore: number): string {
  // Rounding up 9.99 gives one digit more.
  const exponent = exponentBefore + text.length - digits;
  const kept = text.replace(/0+$/, "") || "0";
  if (exponent < -7 || exponent >= 21) {
    const mantissa = kept.length > 1 ? `${kept[0]}.${kept.slice(1)}` : kept;
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${Math.abs(exponent)}`;
  }
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${kept}`;
  const whole = kept.padEnd(exponent + 1, "0");
  return whole.length > exponent + 1 ? `${whole.slice(0, exponent + 1)}.${whole.slice(exponent + 1)}` : whole;
}

/** XINUSE by value a second time, from SDM vol. 1, 13.6 and the measured departures; it shares no code with the runtime. */

import type { NaiveRegisters } from "./naive-save.ts";

/** What departs from the manual. */
export interface NaiveXinuseRules {
  readonly mode64: boolean;
  readonly pointersIgnored: boolean;
  readonly hiddenCount: boolean;
  readonly mxcsrCounts: boolean;
}

/** Bit i is 1 if component i is not in its initial configuration. */
export function naiveXinuse({ legacy, fcs, fds, extended }: NaiveRegisters, rules: NaiveXinuseRules): bigint {
  let xinuse = 0n;
  const all = rules.mode64 || rules.hiddenCount;
  for (let i = 0; i < 160; i++) {
    const isFop = i === 5 || i === 6 || i === 7;
    const isPointer = i >= 8 && i < 24;
    const isMxcsr = i >= 24 && i < 32;
    if (isFop || isMxcsr || (isPointer && rules.pointersIgnored)) continue;
    const initial = i === 0 ? 0x7f : i === 1 ? 0x03 : 0;
    if (legacy[i] !== initial) xinuse |= 1n;
  }
  if (!rules.pointersIgnored && (fcs !== 0 || fds !== 0)) xinuse |= 1n;
  for (let i = 160; i < (all ? 416 : 288); i++) if (legacy[i] !== 0) xinuse |= 2n;
  const mxcsr = legacy[24]! + 256 * legacy[25]! + 65536 * legacy[26]! + 16777216 * legacy[27]!;
  if (rules.mxcsrCounts && mxcsr !== 0x1f80) xinuse |= 2n;
  for (const [index, bytes] of extended) {
    let used = false;
    for (let i = 0; i < bytes.length; i++) {
      if (index === 15 && i >= 8 && i < 16) continue; // IA32_LBR_DEPTH
      if (!all && (index === 7 || (index === 2 && i >= 128) || (index === 6 && i >= 256))) continue;
      let initial = 0;
      if (index === 13 && i === 0) initial = 1;
      if (index === 16) initial = [0x01, 0xff, 0x00, 0x80][i] ?? 0;
      if (bytes[i] !== initial) used = true;
    }
    if (used) xinuse |= 2n ** BigInt(index);
  }
  return xinuse;
}

/** Names of register contents in recorded executions. */

/** Component number by member of a state object; `legacy` (512 bytes as FXSAVE64 stores them) holds x87 and SSE. */
export const STATE_MEMBERS: ReadonlyMap<string, number> = new Map([
  ["avx", 2],
  ["bndregs", 3],
  ["bndcsr", 4],
  ["opmask", 5],
  ["zmm_hi256", 6],
  ["hi16_zmm", 7],
  ["pt", 8],
  ["pkru", 9],
  ["pasid", 10],
  ["cet_u", 11],
  ["cet_s", 12],
  ["hdc", 13],
  ["uintr", 14],
  ["lbr", 15],
  ["hwp", 16],
  ["tilecfg", 17],
  ["tiledata", 18],
  ["apx", 19],
  ["scaledata", 20],
  ["lwp", 62],
]);

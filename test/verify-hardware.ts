/** `npm run verify:hardware`: savers and restores against this CPU; where that cannot run, the reason and exit code 0. */

import { hardwareText } from "../src/report/hardware-report.ts";
import { verifyHardware } from "../src/verify/hardware/verify-hardware.ts";

const CASES = 120_000;
const onProgress = (done: number): void => {
  if (done % 20_000 === 0) process.stderr.write(`${done} of ${CASES} executed\n`);
};
const result = await verifyHardware({ cases: CASES, seed: 1, onProgress });
if ("unavailable" in result) console.log(`0 passed, 0 failed: not possible on this machine: ${result.unavailable}`);
else {
  console.log(hardwareText(result));
  if (result.failed > 0) process.exitCode = 1;
}

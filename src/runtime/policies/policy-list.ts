/**
 * All policies. PEBS, the other source of the same registers, is not among them: it is no rule over XSAVES
 * and will have a place of its own.
 */

import { INDEPENDENT_ONLY } from "./independent-only.ts";
import { INDEPENDENT_OR_TASK } from "./independent-or-task.ts";
import { INDEPENDENT_PAIR } from "./independent-pair.ts";
import { MAINLINE } from "./mainline.ts";
import type { Policy } from "./policy.ts";
import { REVIEWER_PROPOSAL } from "./reviewer-proposal.ts";
import { SEPARATE_FUNCTION } from "./separate-function.ts";
import { THIRD_PARAMETER } from "./third-parameter.ts";
import { XSAVES_NMI_AS_POSTED } from "./xsaves-nmi-as-posted.ts";
import { XSAVES_NMI_WITH_STATUS } from "./xsaves-nmi-with-status.ts";

/** The order of the table in the README. */
export const POLICIES: readonly Policy[] = [
  XSAVES_NMI_AS_POSTED,
  XSAVES_NMI_WITH_STATUS,
  INDEPENDENT_OR_TASK,
  INDEPENDENT_ONLY,
  MAINLINE,
  REVIEWER_PROPOSAL,
  THIRD_PARAMETER,
  SEPARATE_FUNCTION,
  INDEPENDENT_PAIR,
];

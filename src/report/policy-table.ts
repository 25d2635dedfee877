/** The README's table of policies, made by running every policy, so that it cannot drift from the code. */

import { maskHex, maskOf, maskPair } from "../isa/feature-mask.ts";
import { HARDIRQ, KernelContexts, SOFTIRQ } from "../runtime/kernel-context.ts";
import { NmiGate } from "../runtime/nmi-gate.ts";
import { POLICIES } from "../runtime/policies/policy-list.ts";
import { type GatedRun, guarded, type RunGuard } from "../runtime/run-guard.ts";
import { type Build, NOT_OFFERED, type Policy, SAVED } from "../runtime/policies/policy.ts";

/** One mask for each class that the policies treat differently, on a CPU with everything Linux 7.3 knows but MPX. */
export const MASK_CLASSES: readonly { readonly name: string; readonly mask: bigint }[] = [
  { name: "zero", mask: 0n },
  { name: "independent", mask: 0x8000n },
  { name: "task", mask: 0x6n },
  { name: "mixed", mask: 0x8006n },
  { name: "dynamic", mask: 0x4_0000n },
  { name: "unsupported", mask: 0x100n },
  { name: "guest only", mask: 0x1000n },
];

/** The CPU of the table: x87 to Hi16_ZMM, PKRU, AMX, APX; PT, PASID, CET, LBR. */
export const TABLE_CPU = {
  xcr0Supported: 0xe_02e7n,
  xssSupported: 0x9d00n,
  instructions: { xsaves: true, xfd: true },
  components: [],
} as const;

const CONTEXTS: readonly { readonly nmi: boolean; enter(contexts: KernelContexts): void }[] = [
  { nmi: false, enter: () => undefined },
  { nmi: false, enter: (contexts) => contexts.enter(0, SOFTIRQ) },
  { nmi: false, enter: (contexts) => contexts.enter(0, HARDIRQ) },
  { nmi: true, enter: (contexts) => contexts.enterNmi(0) },
  { nmi: true, enter: (contexts) => (contexts.enterNmi(0), contexts.enterNmi(0)) },
];

/** Markdown: what every policy does with every class of mask, for saves and restores, then the facts about each. */
export function policyTableMarkdown(): string {
  return [
    "Saves, by class of mask:",
    "",
    ...outcomeTable(true),
    "",
    "Restores:",
    "",
    ...outcomeTable(false),
    "",
    `Masks: ${MASK_CLASSES.map(({ name, mask }) => `${name} ${maskHex(mask)}`).join(", ")}. "in NMI" includes nested NMIs; ` +
      '"anywhere" is task, softirq, hardirq and NMI. The policies at a75c52896b6d and before use the families of 5.14, ' +
      "which know neither AMX nor CET. The third parameter is shown with the flag set; without it the row is mainline's.",
    "",
    ...factTable(),
    "",
    ...POLICIES.filter((policy) => policy.inferred !== undefined).map(
      (policy) => `* ${policy.title}, inferred: ${policy.inferred ?? ""}.`,
    ),
  ].join("\n");
}

function outcomeTable(save: boolean): string[] {
  const offered = POLICIES.filter((policy) => (save ? policy.saves : policy.restores));
  const missing = POLICIES.filter((policy) => !offered.includes(policy));
  const rows = [
    `| policy | ${MASK_CLASSES.map(({ name }) => name).join(" | ")} |`,
    `|---|${MASK_CLASSES.map(() => "---|").join("")}`,
    ...offered.map(
      (policy) => `| ${policy.title} | ${MASK_CLASSES.map(({ mask }) => outcome(policy, save, mask)).join(" | ")} |`,
    ),
  ];
  if (missing.length > 0)
    rows.push("", `Without a ${save ? "save" : "restore"}: ${missing.map(({ title }) => title).join("; ")}.`);
  return rows;
}

function outcome(policy: Policy, save: boolean, mask: bigint): string {
  const production = where(policy, save, mask, "production");
  const debug = where(policy, save, mask, "debug");
  return production === debug ? production : `${production}; debug build: ${debug}`;
}

/** Where the instruction runs: `anywhere`, `in NMI` or `refused`, with the mask that it runs with if that was cut. */
function where(policy: Policy, save: boolean, mask: bigint, build: Build): string {
  let ranOutside = 0;
  let ranInside = 0;
  let ranWith = mask;
  for (const context of CONTEXTS) {
    const contexts = new KernelContexts(1);
    context.enter(contexts);
    const bind = (low: number, high: number, guard: RunGuard): GatedRun =>
      guarded(guard, () => {
        ranWith = maskOf(low, high);
        return 0;
      });
    const path = { bindSave: bind, bindRestore: bind, clearXstateBv: () => undefined };
    const gate = new NmiGate({ policy, cpu: TABLE_CPU, contexts, path, areaSize: 576, build });
    const [low, high] = maskPair(mask);
    const status = save ? gate.save(0, 0, low, high, policy.hasLiftParameter) : gate.restore(0, 0, low, high);
    if (status === NOT_OFFERED) return "–";
    if (status !== SAVED) continue;
    if (context.nmi) ranInside++;
    else ranOutside++;
  }
  if (ranOutside + ranInside === 0) return "refused";
  const cut = ranWith === mask ? "" : `, with RFBM ${maskHex(ranWith)}`;
  return `${ranOutside === 0 ? "in NMI" : "anywhere"}${cut}`;
}

const REFUSAL = { silent: "silent", "warn-once": "warns once", status: "status" } as const;
const FAULT = { "warn-once": "warns once", "warn-once-in-debug": "debug build warns once", status: "status" } as const;
const ALIGNMENT = { unchecked: "not checked: #GP", warned: "WARN_ON, then #GP", refused: "checked" } as const;

function factTable(): string[] {
  return [
    "| policy | on refusal | on a fault | XSTATE_BV then | alignment | size | caller learns | source |",
    "|---|---|---|---|---|---|---|---|",
    ...POLICIES.map((policy) => {
      const facts = [
        policy.title,
        REFUSAL[policy.onRefusal],
        FAULT[policy.onFault],
        policy.clearsXstateBv ? "cleared" : "kept",
        ALIGNMENT[policy.alignment],
        policy.checksSize ? "checked" : "not checked",
        policy.visibleToCaller,
        policy.source,
      ];
      return `| ${facts.join(" | ")} |`;
    }),
  ];
}

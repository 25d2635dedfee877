/** The CPU that this program runs on, as the runtime sees it: rows from its own CPUID, vendor behaviour from its model. */

import { loadBundledModels } from "../../host/load-models.ts";
import type { ComponentRow } from "../../layout/component-row.ts";
import type { Quirks } from "../../isa/vendor-behaviour.ts";
import type { CpuModel } from "../../model/cpu-model.ts";
import { modelFromLeafD } from "../../model/model-from-leaf-0d.ts";
import type { ProcessorDescription } from "../../runtime/processor-description.ts";
import type { OracleHello } from "../oracle/oracle-hello.ts";

/** See `describeThisCpu`. */
export interface ThisCpu {
  /** Components of XCR0 only: user programs reach no supervisor component. */
  readonly cpu: ProcessorDescription;
  /** Id of the bundled model that the quirks come from; undefined: none has this signature, so they follow from CPUID. */
  readonly model: string | undefined;
}

/**
 * Describes the oracle's machine. Quirks are those of the bundled model with its vendor and signature, preferably one
 * whose rows are the same too; without one, what CPUID says of AMD's and Intel's rules. Throws Error where leaf 0DH
 * does not add up.
 */
export function describeThisCpu(hello: OracleHello, models: readonly CpuModel[] = loadBundledModels()): ThisCpu {
  const model = modelOf(hello, models);
  return {
    model: model?.id,
    cpu: {
      id: model?.id ?? "this-cpu",
      xcr0Supported: hello.xcr0,
      xssSupported: 0n,
      instructions: { xsaveopt: hello.xsaveopt, xsavec: hello.xsavec, xgetbv1: hello.xgetbv1, xsaves: false, xfd: hello.xfd },
      components: hello.components.filter((row) => !row.supervisor),
      quirks: model?.quirks ?? quirksByCpuid(hello),
    },
  };
}

function modelOf(hello: OracleHello, models: readonly CpuModel[]): CpuModel | undefined {
  const named = models.filter(
    ({ vendor, signatures }) =>
      vendor === hello.vendor &&
      signatures.some(
        ({ family, model, stepping }) =>
          family === hello.family && model === hello.model && (stepping === undefined || stepping === hello.stepping),
      ),
  );
  const sameRows = (model: CpuModel): boolean =>
    hello.components.every((row) => model.components.some((other) => sameRow(row, other)));
  return named.find(sameRows) ?? named[0];
}

function sameRow(a: ComponentRow, b: ComponentRow): boolean {
  return (
    a.index === b.index &&
    a.size === b.size &&
    a.standardOffset === b.standardOffset &&
    a.align64 === b.align64 &&
    a.xfd === b.xfd
  );
}

function quirksByCpuid(hello: OracleHello): Quirks {
  const { vendor, family, model, stepping, brand, leafD, leaves } = hello;
  const made = modelFromLeafD(
    {
      vendor,
      family,
      model,
      stepping,
      brand,
      leafD: new Map(leafD.map((registers, subleaf) => [subleaf, { registers, line: 0 }])),
      cpuid80000008Eax: leaves["80000008"][0],
      cpuid80000008Ebx: leaves["80000008"][1],
      cpuid7Ebx: leaves["7.0"][1],
    },
    { file: "CPUID of this CPU", id: "this-cpu" },
  );
  if (!made.model) throw new Error(`CPUID of this CPU: ${made.diagnostics[0]?.message ?? "leaf 0DH is not complete"}`);
  return made.model.quirks;
}

/** Plan -> drafts of modules: the bodies by Handlebars. Loads no ts-morph. */

import { loadsModule } from "./build-loads.ts";
import { copiesModule, saversModule } from "./build-module.ts";
import { restoresModule } from "./build-restores.ts";
import { sha256 } from "./file-header.ts";
import type { ModuleDraft } from "./module-draft.ts";
import type { PlannedModule, PlanOptions } from "./plan-generation.ts";
import { bodyRenderer, type TemplateTexts } from "./render-body.ts";

/** What drafts depend on beside the plan. */
export interface DraftOptions extends Pick<PlanOptions, "seam" | "extension"> {
  readonly templates: TemplateTexts;
}

/** A module that is to be printed and proved. Plain data, so that it can go to another thread. */
export interface DraftedModule {
  readonly planned: PlannedModule;
  readonly draft: ModuleDraft;
  /** What is said in its header: what it is made from, and the text that the digest of inputs is taken of. */
  readonly source: string;
  readonly inputs: string;
}

/** What each kind of module is made from: its template, and what is named beside it in the header. */
const SOURCES = {
  savers: ["save-body.hbs", "leaf 0DH rows of the models that import it"],
  copies: ["copy-body.hbs", "regions of the savers that import it"],
  loads: ["load-body.hbs", "regions of the restores that import it"],
  restores: ["restore-body.hbs", "leaf 0DH rows of the models that import it"],
} as const;

/** Makes what drafts modules. Throws Error naming a template's file, line and column. */
export function moduleDrafter({ templates, seam, extension }: DraftOptions): (planned: PlannedModule) => DraftedModule {
  const render = bodyRenderer(templates);
  const from = seam.fromSavers;
  const draftOf = (planned: PlannedModule): ModuleDraft => {
    switch (planned.kind) {
      case "savers":
        return saversModule(planned.specs, render, { seam: from, copies: `./copies${extension}` });
      case "restores":
        return restoresModule(planned.specs, render, { seam: from, loads: `./loads${extension}` });
      case "copies":
        return copiesModule(planned.specs, planned.text, render, from);
      case "loads":
        return loadsModule(planned.specs, render, from);
    }
  };
  return (planned) => {
    const [template, rest] = SOURCES[planned.kind];
    const inputs = JSON.stringify([sha256(templates[template]), planned.keys]);
    return { planned, draft: draftOf(planned), source: `templates/${template}, ${rest}`, inputs };
  };
}

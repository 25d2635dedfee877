/** Renders bodies with Handlebars. Templates come from `templates/` only, as text from the caller. */

import Handlebars from "handlebars";

import { bodyContext } from "./body-context.ts";
import { regionContext, type RegionSpec } from "./region-copy.ts";
import { loadContext, type LoadRegionSpec } from "./load-region.ts";
import { restoreContext } from "./restore-context.ts";
import type { RestoreSpec } from "./restore-spec.ts";
import type { FormSpec } from "./saver-spec.ts";

/** Texts of the templates by file name. */
export interface TemplateTexts {
  readonly "save-body.hbs": string;
  readonly "copy-body.hbs": string;
  readonly "restore-body.hbs": string;
  readonly "load-body.hbs": string;
}

/** Renders the statements of a function. */
export interface BodyRenderer {
  save(form: FormSpec): string;
  copy(region: RegionSpec): string;
  restore(spec: RestoreSpec): string;
  load(region: LoadRegionSpec): string;
}

/** Compiles the templates; errors name the template's file, line and column. */
export function bodyRenderer(templates: TemplateTexts): BodyRenderer {
  // Of its own registry: nobody else's helpers or partials can reach the output.
  const engine = Handlebars.create();
  const compile = (file: keyof TemplateTexts): ((context: object) => string) => {
    try {
      const template = engine.compile(templates[file], { strict: true, noEscape: true, knownHelpersOnly: true });
      return (context) => {
        try {
          return template(context);
        } catch (error) {
          throw templateError(file, error);
        }
      };
    } catch (error) {
      throw templateError(file, error);
    }
  };
  const save = compile("save-body.hbs");
  const copy = compile("copy-body.hbs");
  const restore = compile("restore-body.hbs");
  const load = compile("load-body.hbs");
  return {
    save: (form) => save(bodyContext(form)),
    copy: (region) => copy(regionContext(region)),
    restore: (spec) => restore(restoreContext(spec)),
    load: (region) => load(loadContext(region)),
  };
}

function templateError(file: string, error: unknown): Error {
  const { message, lineNumber, column } = error as { message: string; lineNumber?: number; column?: number };
  const place = lineNumber === undefined ? "" : `:${lineNumber}:${column ?? 0}`;
  return new Error(`templates/${file}${place}: ${message}`);
}

/** Renders bodies with Handlebars. Templates come from `templates/` only, as text from the caller. */

import Handlebars from "handlebars";

import { bodyContext } from "./body-context.ts";
import type { FormSpec } from "./saver-spec.ts";

/** Texts of the templates by file name. */
export interface TemplateTexts {
  readonly "save-body.hbs": string;
}

/** Renders the statements of one save function. */
export type RenderBody = (form: FormSpec) => string;

/** Compiles the templates; errors name the template's file, line and column. */
export function bodyRenderer(templates: TemplateTexts): RenderBody {
  // Of its own registry: nobody else's helpers or partials can reach the output.
  const engine = Handlebars.create();
  const file = "save-body.hbs";
  try {
    const template = engine.compile(templates[file], { strict: true, noEscape: true, knownHelpersOnly: true });
    return (form) => {
      try {
        return template(bodyContext(form));
      } catch (error) {
        throw templateError(file, error);
      }
    };
  } catch (error) {
    throw templateError(file, error);
  }
}

function templateError(file: string, error: unknown): Error {
  const { message, lineNumber, column } = error as { message: string; lineNumber?: number; column?: number };
  const place = lineNumber === undefined ? "" : `:${lineNumber}:${column ?? 0}`;
  return new Error(`templates/${file}${place}: ${message}`);
}

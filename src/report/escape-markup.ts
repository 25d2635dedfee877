/** Text made inert in XML and HTML, in elements and in quoted attributes; what is not printable becomes `\u{2028}`. */

import { escapeText } from "../model/diagnostic.ts";

const REPLACEMENTS: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export function escapeMarkup(text: string): string {
  return escapeText(text).replaceAll(/[&<>"']/g, (character) => REPLACEMENTS[character] ?? "");
}

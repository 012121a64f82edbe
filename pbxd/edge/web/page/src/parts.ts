// Small pieces of markup that several parts of the page use.

import { html, nothing, type TemplateResult } from "lit";
import { duration, grouped } from "./say";
import type { Words } from "./words";

/** A number that is easy to read aloud; its text is the number itself. */
export function number(value: string): TemplateResult {
  return html`<bdi class="number" dir="ltr">${grouped(value).map((group) => html`<span class="group">${group}</span>`)}</bdi>`;
}

/** Text that somebody else chose: never markup, and its writing direction stays its own affair. */
export function said(text: string): TemplateResult {
  return html`<bdi>${text}</bdi>`;
}

/** A cell of a table, for text that may be missing. */
export function cell(text: string | null): TemplateResult {
  return text ? html`<td>${said(text)}</td>` : html`<td class="none">–</td>`;
}

export function talked(seconds: number): TemplateResult {
  return seconds > 0 ? html`<td class="time end">${duration(seconds)}</td>` : html`<td class="end none">–</td>`;
}

const TONES: Record<string, string> = {
  ready: "ready",
  not_in_use: "ready",
  talking: "talking",
  in_use: "talking",
  busy: "talking",
  on_hold: "talking",
  ringing: "ringing",
  paused: "paused",
  wrapup: "paused",
  wrap_up: "paused",
  answered: "ready",
  direct: "ready",
  abandoned: "bad",
  timeout: "bad",
  no_agent: "bad",
  unanswered: "bad",
};

export function stateChip(state: string, paused: boolean, words: Words): TemplateResult {
  const active = state === "talking" || state === "in_use" || state === "ringing" || state === "busy";
  const shown = paused && !active && state !== "wrapup" ? "paused" : state;
  const also = paused && active ? html` · ${words.paused}` : nothing;
  return html`<span class="chip ${TONES[shown] ?? ""}">${words.states[shown] ?? shown}${also}</span>`;
}

export function outcomeChip(outcome: string, words: Words): TemplateResult {
  return html`<span class="chip plain ${TONES[outcome] ?? ""}">${words.outcomes[outcome] ?? outcome}</span>`;
}

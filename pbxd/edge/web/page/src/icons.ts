// Line icons, 24 by 24, drawn with the colour of the text around them.

import { svg, type TemplateResult } from "lit";

const icon = (body: TemplateResult): TemplateResult => svg`
  <svg viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.8"
    stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">${body}</svg>`;

export const phone = icon(
  svg`<path d="M6.6 3.5 9 8.2 7.3 10a13 13 0 0 0 6.7 6.7l1.8-1.7 4.7 2.4-.7 3.1a1.5 1.5 0 0 1-1.6 1.1C10.5 20.800 3.200 13.500 2.400 5.800A1.500 1.500 0 0 1 3.500 4.200z"/>`,
);
export const pause = icon(svg`<path d="M9 5v14M15 5v14"/>`);
export const play = icon(svg`<path d="M8 5.500v13l10.500-6.500z"/>`);
export const leave = icon(svg`<path d="M14 4h4a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-4M10 8l-4 4 4 4M6 12h9"/>`);
export const repeat = icon(svg`<path d="M4 12a8 8 0 0 1 13.700-5.600L20 8.500M20 4v4.500h-4.500M20 12a8 8 0 0 1-13.700 5.600L4 15.500M4 20v-4.500h4.500"/>`);
export const warning = icon(svg`<path d="M12 4 2.800 19.500h18.400zM12 10v4.500M12 17.200v.1"/>`);
export const person = icon(svg`<circle cx="12" cy="8" r="4"/><path d="M4.500 20.500c.8-4 3.900-6 7.500-6s6.700 2 7.500 6"/>`);
export const place = icon(svg`<path d="M12 21.500c4.500-4.700 6.800-8.300 6.800-11.200A6.800 6.800 0 0 0 5.200 10.300c0 2.900 2.300 6.500 6.800 11.200z"/><circle cx="12" cy="10.300" r="2.400"/>`);
export const hourglass = icon(svg`<circle cx="12" cy="12" r="8.500"/><path d="M12 7.500V12l3 2"/>`);
export const refresh = icon(svg`<path d="M20 12a8 8 0 1 1-2.300-5.600L20 8.500M20 4v4.500h-4.500"/>`);
export const cross = icon(svg`<path d="M6 6l12 12M18 6 6 18"/>`);
export const noLink = icon(svg`<path d="M3 3l18 18M8.500 16a5 5 0 0 1 6-.9M5 12.500a10 10 0 0 1 4.500-2.600M14.500 10a10 10 0 0 1 4.500 2.500M2 9a14.500 14.500 0 0 1 4.600-2.900M11 5a14.500 14.500 0 0 1 11 4M12 19.500v.1"/>`);
export const transfer = icon(svg`<path d="M4 8h13M13.500 4 17.500 8l-4 4M20 16H7M10.500 12l-4 4 4 4"/>`);
export const check = icon(svg`<path d="M4.500 12.500 10 18 20 6.500"/>`);
const back = icon(svg`<path d="M9 6 4 11l5 5M4.500 11H15a5 5 0 0 1 0 10h-2"/>`);
const swap = icon(svg`<path d="M7 4v15M3.500 7.500 7 4l3.500 3.500M17 20V5M13.500 16.500 17 20l3.500-3.500"/>`);
const people = icon(svg`<circle cx="8" cy="8.500" r="3.200"/><circle cx="16.500" cy="9.500" r="2.600"/><path d="M2.500 19.500c.6-3.600 2.900-5.200 5.500-5.200s4.900 1.600 5.500 5.200M15 14.600c3.300-.5 5.800 1.200 6.500 4.900"/>`);
const list = icon(svg`<path d="M8 6h12M8 12h12M8 18h12M4 6h.1M4 12h.1M4 18h.1"/>`);
const mailbox = icon(svg`<circle cx="6.500" cy="12" r="4"/><circle cx="17.500" cy="12" r="4"/><path d="M6.500 16h11"/>`);
const star = icon(svg`<path d="m12 3.500 2.600 5.400 5.900.8-4.300 4.100 1.100 5.900L12 16.900l-5.300 2.800 1.100-5.900-4.300-4.100 5.900-.8z"/>`);

export const verbs: Record<string, TemplateResult> = {
  cancel: back,
  swap,
  merge: people,
  leave,
  complete: check,
  requeue: list,
};

export const kinds: Record<string, TemplateResult> = { agent: person, skill: star, queue: list, outside: phone, voicemail: mailbox };

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

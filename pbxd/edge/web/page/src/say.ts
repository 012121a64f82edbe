// Times, numbers and reasons, put for people to read.

import type { Repeat, Reply } from "./desk";
import type { Language, Words } from "./words";

/** 0:47, 12:05, 1:02:09 */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const minutes = Math.floor(s / 60) % 60;
  const hours = Math.floor(s / 3600);
  return hours ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
}

/** Making one of these takes longer than rendering a whole card, so each is made once. */
function formats(options: Intl.DateTimeFormatOptions): Record<Language, Intl.DateTimeFormat> {
  return { en: new Intl.DateTimeFormat("en", options), zh: new Intl.DateTimeFormat("zh", options) };
}

const TIME = formats({ hour: "2-digit", minute: "2-digit", hour12: false });
const DAY = formats({ year: "numeric", month: "short", day: "numeric" });
const EXACT = formats({ dateStyle: "full", timeStyle: "medium" });

export function clock(at: number, language: Language): string {
  return TIME[language].format(at * 1000);
}

/** 14:05; with the day when that is not today. */
export function moment(at: number, now: number, language: Language): string {
  const sameDay = new Date(at * 1000).toDateString() === new Date(now * 1000).toDateString();
  return sameDay ? clock(at, language) : `${DAY[language].format(at * 1000)} ${clock(at, language)}`;
}

/** Today 14:05, Yesterday 09:12, 3 Nov 2026 14:05 */
export function date(at: number, now: number, language: Language, words: Words): string {
  const day = (epoch: number) => new Date(epoch * 1000).toDateString();
  const time = clock(at, language);
  if (day(at) === day(now)) return `${words.today} ${time}`;
  if (day(at) === day(now - 86400)) return `${words.yesterday} ${time}`;
  return `${DAY[language].format(at * 1000)} ${time}`;
}

export function exact(at: number, language: Language): string {
  return EXACT[language].format(at * 1000);
}

/**
 * A number cut into groups that are easy to read aloud; joined they are the number again. Numbers of plans
 * that we do not know stay whole: a wrong grouping is worse than none.
 */
export function grouped(number: string): string[] {
  const plans: [RegExp, number[]][] = [
    [/^\+861[3-9]\d{9}$/, [3, 3, 4, 4]],
    [/^\+86(10|2\d)\d{8}$/, [3, 2, 4, 4]],
    [/^\+86[3-9]\d{2}\d{8}$/, [3, 3, 4, 4]],
    [/^\+1\d{10}$/, [2, 3, 3, 4]],
  ];
  const plan = plans.find(([pattern]) => pattern.test(number));
  if (!plan) return [number];
  let from = 0;
  return plan[1].map((length) => number.slice(from, (from += length)));
}

/** The reason of a repeat flag. pbxd words it in the agent's own language; in another one the page does. */
export function reason(repeat: Repeat, language: Language, own: Language, words: Words): string {
  if (language === own && repeat.text) return repeat.text;
  const last = repeat.last_outcome ? (words.lastOutcomes[repeat.last_outcome] ?? "") : "";
  const span = windowText(repeat.window_s, words);
  return words.repeat(words.nth(repeat.count), span, repeat.same_subject === true, last);
}

function windowText(seconds: number, words: Words): string {
  if (seconds > 2 * 86400 && seconds % 86400 === 0) return words.days(seconds / 86400);
  if (seconds % 3600 === 0) return words.hours(seconds / 3600);
  return words.minutes(Math.round(seconds / 60));
}

/** What became of an order that was not done. */
export function outcomeOf(reply: Reply, words: Words): string {
  switch (reply.outcome) {
    case "lost":
      return words.orderLost;
    case "unknown":
      return words.orderUnknown(reply.code === "no_answer" ? "" : words.because(reply.text));
    default:
      return refusalOf(reply.code ?? "", reply.text, words);
  }
}

/** Why something cannot be: as pbxd words it where this language knows its words, else by its code. */
export function refusalOf(code: string, text: string, words: Words): string {
  const told = words.because(text);
  if (told && (words.language === "en" || told !== text)) return code ? told : words.orderRefused(told);
  return words.refusals[code] ?? (code ? told || code : words.orderRefused(told));
}

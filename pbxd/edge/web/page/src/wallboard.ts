// The wallboard: who waits where how long, who is there, how the day goes, and what needs somebody now.

import { html, LitElement, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { type Alert, type Board, type BoardChange, byState, inOrder, longestSince, summed, withChange } from "./board";
import { boardLook } from "./board-look";
import { BOARD_WORDS, type BoardWords } from "./board-words";
import type { Queue, SwitchLink } from "./desk";
import * as icons from "./icons";
import { Link, type LinkState } from "./link";
import { look } from "./look";
import { number, said, stateChip } from "./parts";
import { clock, duration, moment } from "./say";
import "./sign-in";
import type { Me } from "./sign-in";
import { asLanguage, type Language, WORDS, type Words } from "./words";

const LANGUAGE_KEY = "pbxd.language";
/** Waits (seconds) from which the figure stands out, and stands out more. */
const LATE = 60;
const VERY_LATE = 180;
/** Below this a service level stands out. */
const POOR = 0.8;

type Standing = "starting" | "signed_out" | "no_right" | "crowded" | "nonsense" | "signed_in";

export class Wallboard extends LitElement {
  static override properties = {
    standing: { state: true },
    board: { state: true },
    link: { state: true },
    now: { state: true },
    chosen: { state: true },
  };
  declare private standing: Standing;
  declare private board: Board | null;
  declare private link: LinkState;
  declare private now: number;
  declare private chosen: Language | null;

  static override styles = [look, boardLook];

  private me: Me | null = null;
  private line: Link<Board, BoardChange> | null = null;
  /** How far pbxd's clock is ahead of ours (seconds). */
  private ahead = 0;
  private clock = 0;

  constructor() {
    super();
    this.standing = "starting";
    this.board = null;
    this.link = { is: "connecting" };
    this.now = Date.now() / 1000;
    this.chosen = kept();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.clock = window.setInterval(() => (this.now = Date.now() / 1000 + this.ahead), 1000);
    void this.start();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.clearInterval(this.clock);
    this.line?.stop();
  }

  private async start(): Promise<void> {
    try {
      const answer = await fetch("/api/me", { signal: AbortSignal.timeout(10_000) });
      if (answer.ok) return this.enter((await answer.json()) as Me);
      this.standing = "signed_out";
    } catch {
      window.setTimeout(() => void this.start(), 3000);
    }
  }

  private enter(me: Me): void {
    this.me = me;
    if (!me.supervises) {
      this.standing = "no_right";
      return;
    }
    this.standing = "signed_in";
    this.line = new Link<Board, BoardChange>(
      {
        snapshot: (body, now) => {
          this.ahead = now - Date.now() / 1000;
          this.now = now;
          this.board = body;
        },
        change: (change) => (this.board = this.board && withChange(this.board, change)),
        state: (state) => (this.link = state),
        refused: () => undefined,
        ended: (why) => {
          this.line?.stop();
          this.board = null;
          this.standing = why;
        },
      },
      "/ws/wallboard",
    );
    this.line.open();
  }

  private async signOut(): Promise<void> {
    this.line?.stop();
    this.line = null;
    this.board = null;
    try {
      await fetch("/api/session", { method: "DELETE", headers: { "X-CSRF-Token": this.me?.csrf ?? "" } });
    } catch {
      // pbxd is away; the session ends by itself.
    }
    this.me = null;
    this.standing = "signed_out";
  }

  private get language(): Language {
    return this.chosen ?? asLanguage(this.me?.language) ?? asLanguage(navigator.language) ?? "en";
  }

  private get words(): Words {
    return WORDS[this.language];
  }

  private get own(): BoardWords {
    return BOARD_WORDS[this.language];
  }

  private speak(language: Language): void {
    this.chosen = language;
    try {
      localStorage.setItem(LANGUAGE_KEY, language);
    } catch {
      // Storage is switched off: the choice holds until the page is closed.
    }
  }

  protected override updated(): void {
    document.documentElement.lang = this.language;
    const alerts = this.board?.alerts.length ?? 0;
    document.title = `${alerts > 0 ? `(${alerts}) ` : ""}${this.own.title} – pbxd`;
  }

  // ------------------------------------------------------------ rendering

  protected override render() {
    const { words, own } = this;
    switch (this.standing) {
      case "starting":
        return html`<div class="door" aria-busy="true"></div>`;
      case "signed_out":
        return html`<div class="door">
          <pbxd-sign-in .words=${words} @signed-in=${(event: CustomEvent<Me>) => this.enter(event.detail)}>
            <span slot="mark" class="mark" aria-hidden="true">p</span>
          </pbxd-sign-in>
          ${this.languages()}
        </div>`;
      case "no_right":
        return html`<div class="door" data-no-right>
          <p role="alert">${own.noRight(this.me?.name ?? "")}</p>
          <button class="first" type="button" @click=${() => void this.signOut()}>${words.signOut}</button>
        </div>`;
      case "crowded":
      case "nonsense":
        return html`<div class="door">
          <p role="alert">${words[this.standing]}</p>
          <button class="first" type="button" @click=${() => location.reload()}>${words.reload}</button>
        </div>`;
      case "signed_in":
        return this.wall();
    }
  }

  private wall(): TemplateResult {
    const { board, link } = this;
    return html`<div class=${link.is !== "up" && board !== null ? "stale" : ""}>
      ${this.bar()}
      <div role="alert">${this.lost()} ${this.unheard()}</div>
      ${board === null ? nothing : html`${this.alerts(board)} ${this.totals(board)} ${this.queues(board)}`}
    </div>`;
  }

  private bar(): TemplateResult {
    const { words, own } = this;
    return html`<header class="bar">
      <span class="mark" aria-hidden="true">p</span>
      <h1>${own.title}</h1>
      <span class="clock time push">${clock(this.now, this.language)}</span>
      ${this.languages()}
      <button class="bare" type="button" @click=${() => void this.signOut()} aria-label=${words.signOut} title=${words.signOut}>${icons.leave}</button>
    </header>`;
  }

  private languages(): TemplateResult {
    const choice = (language: Language) => html`<button type="button" lang=${language} aria-pressed=${this.language === language} @click=${() => this.speak(language)}>
      ${language === "en" ? "EN" : "中文"}
    </button>`;
    return html`<span class="languages" role="group" aria-label="Language / 语言">${choice("en")}${choice("zh")}</span>`;
  }

  private lost(): TemplateResult | typeof nothing {
    const { words, link, board } = this;
    if (link.is === "up" || board === null) return nothing;
    return html`<div class="banner bad" data-lost>
      ${icons.noLink}<span>${words.lost}. ${words.lostDetail}</span>
      ${link.is === "lost" ? html`<button class="push" type="button" @click=${() => this.line?.now()}>${words.tryNow}</button>` : nothing}
    </div>`;
  }

  /** The links to the switches of these queues that pbxd does not hear. */
  private deaf(): SwitchLink[] {
    return this.board?.links.filter((link) => !link.up) ?? [];
  }

  private unheard(): unknown {
    const { words, language, now, link } = this;
    if (link.is !== "up") return nothing;
    return this.deaf().map(
      (each) => html`<div class="banner bad" data-unheard=${each.node}>
        ${icons.noLink}
        <span>${words.unheard(each.node, each.since === null ? "" : moment(each.since, now, language))}</span>
        <span class="push why">${said(words.because(each.reason))}</span>
      </div>`,
    );
  }

  /** Until when is known what happens on this switch. */
  private until(node: string | undefined): number {
    const since = this.deaf().find((link) => link.node === node)?.since;
    return Math.min(this.now, since ?? this.now);
  }

  private alerts(board: Board): TemplateResult | typeof nothing {
    if (board.alerts.length === 0) return nothing;
    return html`<section class="alerts" aria-label=${this.own.alerts} aria-live="assertive">
      ${repeat(
        board.alerts,
        (alert) => alert.id,
        (alert) => this.alert(alert),
      )}
    </section>`;
  }

  private alert(alert: Alert): TemplateResult {
    const { own, words } = this;
    const lasted = this.until(alert.node) - (alert.since ?? alert.began);
    const caller = alert.caller;
    return html`<article class="alert" data-alert=${alert.id}>
      ${icons.warning}
      <b class="queue">${said(alert.queue)}</b>
      <span>${alert.kind === "caller_waits" ? own.callerWaits : own.unattended(alert.waiting ?? 0)}</span>
      <b class="time lasted" data-lasted>${duration(lasted)}</b>
      ${caller
        ? html`<span class="caller">
            ${caller.number ? number(caller.number) : words.withheld} ${caller.name && caller.name !== caller.number ? said(caller.name) : nothing}
          </span>`
        : nothing}
      ${alert.call_back ? html`<a class="push" href=${safe(alert.call_back)} data-call-back>${icons.phone}<span>${own.callBack}</span></a>` : nothing}
    </article>`;
  }

  private totals(board: Board): TemplateResult {
    const { own } = this;
    const queues = board.queues;
    const since = longestSince(queues);
    const today = summed(board.today, queues);
    // Who serves several queues is one person.
    const members = new Map(queues.flatMap((queue) => queue.members.map((member) => [`${queue.node}/${member.interface}`, member])));
    const there = [...members.values()].filter((member) => !member.paused && member.state !== "offline");
    const waiting = queues.reduce((sum, queue) => sum + queue.waiting, 0);
    return html`<dl class="totals">
      ${figure(own.waiting, String(waiting), waiting > 0 ? "loud" : "")} ${figure(own.longestOfAll, since === null ? "–" : duration(this.now - since), urgency(since === null ? 0 : this.now - since))}
      ${figure(own.there, `${there.length} / ${members.size}`)} ${figure(own.calls, shown(today?.entries))} ${figure(own.abandoned, shown(today?.abandoned))}
      ${figure(own.level, percent(today?.service_level), poor(today?.service_level))}
    </dl>`;
  }

  private queues(board: Board): unknown {
    if (board.queues.length === 0) return html`<p class="quiet none">${this.own.noQueues}</p>`;
    const named = new Set(board.queues.map((queue) => queue.node)).size > 1;
    return html`<main>
      ${repeat(
        inOrder(board),
        (queue) => `${queue.node}/${queue.name}`,
        (queue) => this.queue(queue, board, named),
      )}
    </main>`;
  }

  private queue(queue: Queue, board: Board, named: boolean): TemplateResult {
    const { own } = this;
    const today = board.today?.[queue.name];
    const alarm = board.alerts.some((alert) => alert.node === queue.node && alert.queue === queue.name);
    const deaf = this.deaf().some((link) => link.node === queue.node);
    const waited = queue.longest_since === null ? 0 : this.until(queue.node) - queue.longest_since;
    return html`<section class="card queue ${alarm ? "alarm" : ""} ${deaf ? "of-before" : ""}" data-queue=${queue.name} aria-label=${queue.name}>
      <header>
        <h2>${said(queue.name)}</h2>
        ${named ? html`<span class="quiet">${said(queue.node ?? "")}</span>` : nothing}
      </header>
      <div class="figures">
        <span class="count time ${queue.waiting > 0 ? "loud" : ""}" data-waiting>${queue.waiting}</span>
        <span class="quiet">${own.waitingHere}</span>
        ${queue.longest_since === null
          ? nothing
          : html`<span class="push ${urgency(waited)}"><span class="quiet">${own.longest}</span> <b class="time" data-longest>${duration(waited)}</b></span>`}
      </div>
      ${this.members(queue)}
      <dl class="today">
        ${figure(own.calls, shown(today?.entries))} ${figure(own.abandoned, shown(today?.abandoned))} ${figure(own.level, percent(today?.service_level), poor(today?.service_level))}
      </dl>
    </section>`;
  }

  private members(queue: Queue): TemplateResult {
    const { words, own } = this;
    if (queue.members.length === 0) return html`<p class="bad-text">${own.nobody}</p>`;
    return html`<ul class="members" aria-label=${words.members}>
      ${byState(queue.members).map(
        ([state, members]) => html`<li data-state=${state}>
          <b class="time">${members.length}</b> ${stateChip(state, false, words)}
          <span class="quiet names">${members.map((member, place) => html`${place ? ", " : ""}${said(member.name || member.interface)}`)}</span>
        </li>`,
      )}
    </ul>`;
  }
}

function figure(name: string, value: string, mood = ""): TemplateResult {
  return html`<div class=${mood}><dt>${name}</dt><dd class="time">${value}</dd></div>`;
}

function shown(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : String(value);
}

function percent(value: number | null | undefined): string {
  // Rounded down, so that 100 % is all of them; but 0.57 * 100 is a little less than 57.
  return value === null || value === undefined ? "–" : `${Math.floor(Math.round(value * 1e6) / 1e4)} %`;
}

function poor(value: number | null | undefined): string {
  return value !== null && value !== undefined && value < POOR ? "late" : "";
}

function urgency(waited: number): string {
  return waited >= VERY_LATE ? "very late" : waited >= LATE ? "late" : "";
}

/** Only what calls somebody or leads to a page: the settings allow no more, and neither does this. */
function safe(link: string): string {
  return /^(tel|sip|sips|callto|https?):/.test(link) ? link : "#";
}

function kept(): Language | null {
  try {
    return asLanguage(localStorage.getItem(LANGUAGE_KEY) ?? undefined);
  } catch {
    return null;
  }
}

customElements.define("pbxd-wallboard", Wallboard);

// The page itself: signs in, holds the link, and lays out what the desk says.

import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { type Change, type Pop, type Reply, type Snapshot, type State, withClosed, withPop } from "./desk";
import * as icons from "./icons";
import { Link, type LinkState } from "./link";
import { look } from "./look";
import { said, stateChip } from "./parts";
import "./pop-card";
import "./queue-card";
import type { RecentContacts } from "./recent";
import "./recent";
import { clock } from "./say";
import "./sign-in";
import type { Me } from "./sign-in";
import { asLanguage, type Language, WORDS, type Words } from "./words";

type Standing = "starting" | "signed_out" | "signed_in" | "crowded" | "nonsense";
type Notice = { tone: "bad" | "paused"; text: (words: Words) => string };

const LANGUAGE_KEY = "pbxd.language";
/** An order that is not answered for so long (ms) counts as unknown; pbxd's own deadline is shorter. */
const ORDER_PATIENCE = 15_000;

export class AgentPage extends LitElement {
  static override properties = {
    standing: { state: true },
    me: { state: true },
    desk: { state: true },
    pops: { state: true },
    link: { state: true },
    language: { state: true },
    now: { state: true },
    order: { state: true },
    notice: { state: true },
  };
  declare private standing: Standing;
  declare private me: Me | null;
  declare private desk: State | null;
  declare private pops: Pop[];
  declare private link: LinkState;
  declare private language: Language;
  declare private now: number;
  declare private order: { id: string; paused: boolean } | null;
  declare private notice: Notice | null;

  private wire: Link | null = null;
  private skew = 0; // seconds by which pbxd's clock is ahead of this machine's
  private orderTimer = 0;
  private readonly acknowledged = new Set<string>();

  static override styles = [
    look,
    css`
      .door {
        min-height: 100vh;
        display: grid;
        place-content: center;
        justify-items: center;
        gap: 1rem;
        padding: 1rem;
      }
      .mark {
        width: 2.25rem;
        height: 2.25rem;
        border-radius: 0.6rem;
        background: var(--accent);
        color: var(--on-accent);
        display: grid;
        place-content: center;
        font-weight: 800;
      }
      .bar {
        position: sticky;
        top: 0;
        z-index: 2;
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.5rem 0.9rem;
        padding: 0.6rem clamp(0.9rem, 2.5vw, 1.75rem);
        background: var(--surface);
        border-bottom: 1px solid var(--line);
      }
      .me {
        display: flex;
        align-items: center;
        gap: 0.75rem;
        min-width: 0;
      }
      .me > :first-child,
      .me > :last-child {
        flex: none;
      }
      .me > div {
        min-width: 0;
      }
      .me b {
        max-width: min(28rem, 50vw);
        font-size: 1.0625rem;
        line-height: 1.25;
        display: block;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .me .quiet {
        font-size: 0.8125rem;
        line-height: 1.25;
      }
      .push {
        margin-inline-start: auto;
      }
      .actions {
        display: flex;
        gap: 0.4rem;
        align-items: center;
      }
      .pause {
        min-width: 8rem;
      }
      .pause.is-paused {
        background: var(--amber-back);
        border-color: var(--amber);
        color: var(--amber);
      }
      .languages {
        display: inline-flex;
        border: 1px solid var(--line);
        border-radius: 10px;
        overflow: hidden;
      }
      .languages button {
        border: 0;
        border-radius: 0;
        min-height: 2.375rem;
        padding: 0 0.65rem;
        color: var(--soft);
        font-size: 0.875rem;
      }
      .languages button[aria-pressed="true"] {
        background: var(--sunken);
        color: var(--ink);
      }
      .languages button:focus-visible {
        outline-offset: -3px;
      }
      .banner {
        display: flex;
        flex-wrap: wrap;
        gap: 0.4rem 0.9rem;
        align-items: center;
        padding: 0.6rem clamp(0.9rem, 2.5vw, 1.75rem);
        background: var(--tone-back);
        color: var(--tone);
        font-weight: 600;
      }
      .banner button {
        min-height: 2rem;
        border-color: currentColor;
        background: transparent;
      }
      .banner .push {
        margin-inline-start: auto;
      }
      main {
        display: grid;
        grid-template-columns: minmax(0, 1fr) 21rem;
        gap: 1.5rem;
        align-items: start;
        max-width: 88rem;
        margin: 0 auto;
        padding: 1.5rem clamp(0.9rem, 2.5vw, 1.75rem) 3rem;
      }
      .stale main {
        opacity: 0.55;
        filter: saturate(0.4);
      }
      .column {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 1.1rem;
        min-width: 0;
      }
      .column > h2 {
        font-size: 0.875rem;
        font-weight: 600;
        color: var(--soft);
      }
      .idle {
        padding: 2.75rem 1.5rem;
        display: grid;
        justify-items: center;
        text-align: center;
        gap: 0.35rem;
      }
      .idle svg {
        width: 2.5rem;
        height: 2.5rem;
        color: var(--line-strong);
        margin-bottom: 0.4rem;
      }
      .idle b {
        font-size: 1.1875rem;
      }
      details > summary {
        cursor: pointer;
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.3rem 1rem;
        padding: 0.75rem 1.4rem;
        list-style: none;
        border-radius: 14px;
      }
      details > summary::-webkit-details-marker {
        display: none;
      }
      details > summary::after {
        content: "";
        width: 0.45rem;
        height: 0.45rem;
        border: solid var(--soft);
        border-width: 0 2px 2px 0;
        transform: rotate(45deg);
      }
      details[open] > summary::after {
        transform: rotate(225deg);
      }
      details pbxd-pop {
        margin: 0 0.6rem 0.6rem;
      }
      summary > span {
        min-width: 0;
        max-width: 45%;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      summary .name {
        font-weight: 600;
      }
      @media (max-width: 62rem) {
        main {
          grid-template-columns: minmax(0, 1fr);
        }
      }
      @media (max-width: 40rem) {
        .actions {
          width: 100%;
        }
        .pause {
          flex: 1;
        }
        .bar .push {
          margin-inline-start: 0;
        }
        .hide-narrow {
          display: none;
        }
      }
    `,
  ];

  constructor() {
    super();
    this.standing = "starting";
    this.me = null;
    this.desk = null;
    this.pops = [];
    this.link = { is: "connecting" };
    this.language = kept() ?? asLanguage(navigator.language) ?? "en";
    this.now = Date.now() / 1000;
    this.order = null;
    this.notice = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.setInterval(() => (this.now = Date.now() / 1000 + this.skew), 1000);
    void this.start();
  }

  private get words(): Words {
    return WORDS[this.language];
  }

  /** The language that pbxd words its texts in for this agent. */
  private get own(): Language {
    return asLanguage(this.me?.language) ?? "en";
  }

  // ------------------------------------------------------------ session

  private async start(): Promise<void> {
    try {
      const answer = await fetch("/api/me", { signal: AbortSignal.timeout(10_000) });
      if (answer.ok) return this.enter((await answer.json()) as Me);
    } catch {
      // pbxd does not answer; the sign-in form will say so when it is used.
    }
    this.standing = "signed_out";
  }

  private enter(me: Me): void {
    this.me = me;
    this.language = kept() ?? asLanguage(me.language) ?? this.language;
    this.standing = "signed_in";
    this.notice = null;
    this.wire = new Link({
      snapshot: (body, now) => this.takeSnapshot(body, now),
      change: (change) => this.takeChange(change),
      state: (state) => this.takeLink(state),
      refused: (text) => console.warn("pbxd refused:", text),
      ended: (why) => this.leave(why),
    });
    this.wire.open();
  }

  private leave(why: "signed_out" | "crowded" | "nonsense"): void {
    this.wire?.stop();
    this.wire = null;
    this.standing = why;
    this.desk = null;
    this.pops = [];
    this.settle();
    if (why === "signed_out") this.me = null;
  }

  private async signOut(): Promise<void> {
    try {
      const answer = await fetch("/api/session", {
        method: "DELETE",
        headers: { "X-CSRF-Token": this.me?.csrf ?? "" },
        signal: AbortSignal.timeout(10_000),
      });
      if (!answer.ok && answer.status !== 401) throw new Error(String(answer.status));
      this.leave("signed_out");
    } catch {
      this.notice = { tone: "bad", text: (words) => words.noAnswer };
    }
  }

  // ------------------------------------------------------------ what pbxd says

  private takeLink(state: LinkState): void {
    this.link = state;
    if (state.is !== "up" && this.order) {
      this.settle({ tone: "paused", text: (words) => words.orderUnknown("") });
    }
  }

  private takeSnapshot(body: Snapshot, now: number): void {
    this.skew = now - Date.now() / 1000;
    this.now = now;
    this.desk = { agent: body.agent, queues: body.queues };
    this.pops = body.pops;
    for (const pop of body.pops) if (pop.closed !== undefined) this.acknowledged.add(pop.id);
  }

  private takeChange(change: Change): void {
    this.now = Date.now() / 1000 + this.skew;
    switch (change.kind) {
      case "state":
        this.desk = change.body;
        break;
      case "screenpop":
        this.pops = withPop(this.pops, change.body);
        break;
      case "screenpop_closed":
        this.pops = withClosed(this.pops, change.body.id, change.body.reason);
        void (this.renderRoot.querySelector("pbxd-recent") as RecentContacts | null)?.load();
        break;
      case "order":
        this.takeReply(change.body);
        break;
    }
  }

  private takeReply(reply: Reply): void {
    if (this.order?.id !== reply.id) return;
    if (reply.outcome === "done") return this.settle();
    const bad = reply.outcome === "refused";
    this.settle({
      tone: bad ? "bad" : "paused",
      text: (words) => (bad ? words.orderRefused(reply.text) : words.orderUnknown(reply.text)),
    });
  }

  // ------------------------------------------------------------ what the agent does

  private pause(paused: boolean): void {
    const id = orderId();
    if (!this.wire?.say({ type: "pause", order: id, paused })) {
      this.notice = { tone: "bad", text: (words) => words.orderLost };
      return;
    }
    this.notice = null;
    this.order = { id, paused };
    window.clearTimeout(this.orderTimer);
    this.orderTimer = window.setTimeout(
      () => this.settle({ tone: "paused", text: (words) => words.orderUnknown("") }),
      ORDER_PATIENCE,
    );
  }

  private settle(notice: Notice | null = null): void {
    window.clearTimeout(this.orderTimer);
    this.order = null;
    if (notice) this.notice = notice;
  }

  private speak(language: Language): void {
    this.language = language;
    try {
      localStorage.setItem(LANGUAGE_KEY, language);
    } catch {
      // Storage is switched off: the choice holds until the page is closed.
    }
  }

  // ------------------------------------------------------------ after each rendering

  protected override updated(changed: PropertyValues): void {
    document.documentElement.lang = this.language;
    document.title = this.titleText();
    if (changed.has("pops")) this.acknowledge();
  }

  /** Tell pbxd which pops are on the screen now. */
  private acknowledge(): void {
    for (const pop of this.pops) {
      if (this.acknowledged.has(pop.id)) continue;
      if (this.wire?.say({ type: "ack", pop: pop.id })) this.acknowledged.add(pop.id);
    }
  }

  private titleText(): string {
    const ringing = this.open().at(-1);
    if (ringing) return `☎ ${ringing.caller.name || ringing.caller.number || this.words.unknownCaller} – pbxd`;
    return `${this.me ? `${this.me.name} – ` : ""}pbxd`;
  }

  private open(): Pop[] {
    return this.pops.filter((pop) => pop.closed === undefined);
  }

  // ------------------------------------------------------------ rendering

  protected override render() {
    switch (this.standing) {
      case "starting":
        return html`<div class="door" aria-busy="true"></div>`;
      case "signed_out":
        return html`<div class="door">
          <pbxd-sign-in .words=${this.words} @signed-in=${(event: CustomEvent<Me>) => this.enter(event.detail)}>
            <span slot="mark" class="mark" aria-hidden="true">p</span>
          </pbxd-sign-in>
          ${this.languages()}
        </div>`;
      case "crowded":
      case "nonsense":
        return html`<div class="door">
          <p role="alert">${this.words[this.standing]}</p>
          <button class="first" type="button" @click=${() => location.reload()}>${this.words.reload}</button>
        </div>`;
      case "signed_in":
        return this.workplace();
    }
  }

  private workplace(): TemplateResult {
    const stale = this.link.is !== "up" && this.desk !== null;
    return html`<div class=${stale ? "stale" : ""}>
      ${this.bar()}
      <div role="alert">${this.lost()} ${this.noticed()}</div>
      <main>
        <div class="column">${this.calls()}</div>
        <aside class="column" aria-label=${this.words.queues}>${this.queues()}</aside>
      </main>
    </div>`;
  }

  private bar(): TemplateResult {
    const { words } = this;
    const agent = this.desk?.agent;
    return html`<header class="bar">
      <div class="me">
        <span class="mark" aria-hidden="true">p</span>
        <div>
          <b>${said(agent?.name || this.me?.name || "")}</b>
          <span class="quiet">${this.me?.agent}</span>
        </div>
        <span aria-live="polite" data-state=${agent?.state ?? ""}>
          ${agent ? stateChip(agent.state, agent.paused, words) : html`<span class="chip">${words.connecting}</span>`}
        </span>
      </div>
      <div class="actions push">
        ${this.pauseButton()} ${this.languages()}
        <button class="bare" type="button" @click=${() => void this.signOut()} aria-label=${words.signOut} title=${words.signOut}>
          ${icons.leave}
        </button>
      </div>
    </header>`;
  }

  private pauseButton(): TemplateResult {
    const { words, order } = this;
    const paused = this.desk?.agent.paused ?? false;
    const label = order ? (order.paused ? words.pausing : words.resuming) : paused ? words.resume : words.pause;
    const disabled = order !== null || this.desk === null || this.link.is !== "up";
    return html`<button
      class="pause ${paused ? "is-paused" : ""}"
      type="button"
      ?disabled=${disabled}
      aria-busy=${order !== null}
      @click=${() => this.pause(!paused)}
    >
      ${paused ? icons.play : icons.pause}<span>${label}</span>
    </button>`;
  }

  private languages(): TemplateResult {
    const choice = (language: Language) => html`<button
      type="button"
      lang=${language}
      aria-pressed=${this.language === language}
      @click=${() => this.speak(language)}
    >
      ${language === "en" ? "EN" : "中文"}
    </button>`;
    return html`<span class="languages" role="group" aria-label="Language / 语言">${choice("en")}${choice("zh")}</span>`;
  }

  private lost(): TemplateResult | typeof nothing {
    const { words, link } = this;
    if (link.is === "up" || this.desk === null) return nothing;
    const left = link.is === "lost" ? Math.max(0, Math.ceil((link.retryAt - Date.now()) / 1000)) : 0;
    return html`<div class="banner bad" data-lost>
      ${icons.noLink}<span>${words.lost}. ${words.lostDetail}</span>
      <span class="push time" aria-hidden="true">${words.retryIn(left)}</span>
      ${link.is === "lost" ? html`<button type="button" @click=${() => this.wire?.now()}>${words.tryNow}</button>` : nothing}
    </div>`;
  }

  private noticed(): TemplateResult | typeof nothing {
    const { notice, words } = this;
    if (!notice) return nothing;
    return html`<div class="banner ${notice.tone}" data-notice>
      ${icons.warning}<span>${notice.text(words)}</span>
      <button class="push" type="button" aria-label=${words.dismiss} @click=${() => (this.notice = null)}>${icons.cross}</button>
    </div>`;
  }

  private calls(): TemplateResult {
    const { words } = this;
    const open = this.open().reverse();
    const over = this.pops.filter((pop) => pop.closed !== undefined).reverse();
    const newest = open[0];
    return html`
      <p class="hidden" role="alert" data-announce>
        ${newest ? words.announce(newest.caller.name || newest.caller.number || words.unknownCaller, newest.queue ?? "") : nothing}
      </p>
      <h2>${words.calls}</h2>
      ${open.length === 0 ? this.idle() : repeat(open, (pop) => pop.id, (pop) => this.card(pop, this.isTalking(pop)))}
      ${over.length > 0
        ? html`<h2>${words.earlier}</h2>
            ${repeat(over, (pop) => pop.id, (pop) => this.folded(pop))}`
        : nothing}
      <pbxd-recent .words=${words} .language=${this.language} .now=${this.now}></pbxd-recent>
    `;
  }

  private idle(): TemplateResult {
    const { words } = this;
    const paused = this.desk?.agent.paused ?? false;
    const offline = this.desk?.agent.state === "offline";
    const text = offline ? words.noCallOffline : paused ? words.noCallPaused : words.noCallReady;
    return html`<div class="card idle" data-idle>
      ${icons.phone}<b>${words.noCall}</b>
      <p class="quiet">${this.desk === null ? "" : text}</p>
    </div>`;
  }

  /** Who talks while another phone call rings talks to the caller who came first. */
  private isTalking(pop: Pop): boolean {
    const state = this.desk?.agent.state ?? "";
    return (state === "talking" || state === "in_use") && this.open()[0] === pop;
  }

  private card(pop: Pop, talking = false): TemplateResult {
    return html`<pbxd-pop .pop=${pop} .talking=${talking} .words=${this.words} .language=${this.language} .own=${this.own} .now=${this.now}></pbxd-pop>`;
  }

  private folded(pop: Pop): TemplateResult {
    const { words } = this;
    const closing = words.closings[pop.closed ?? ""] ?? pop.closed;
    return html`<details class="card" data-closed=${pop.id}>
      <summary>
        <span class="time quiet">${clock(pop.at, this.language)}</span>
        <span class="name">${said(pop.caller.name || pop.caller.number || words.unknownCaller)}</span>
        ${pop.queue ? html`<span class="quiet">${said(pop.queue)}</span>` : nothing}
        <span class="quiet push">${closing}</span>
      </summary>
      ${this.card(pop)}
    </details>`;
  }

  private queues(): TemplateResult {
    const { words, desk } = this;
    const nodes = new Set(desk?.queues.map((queue) => queue.node));
    return html`
      <h2>${words.queues}</h2>
      ${desk && desk.queues.length === 0 ? html`<p class="quiet">${words.noQueues}</p>` : nothing}
      ${repeat(
        desk?.queues ?? [],
        (queue) => `${queue.node}/${queue.name}`,
        (queue) => html`<pbxd-queue .queue=${queue} .named=${nodes.size > 1} .agent=${desk?.agent.name ?? ""} .words=${words} .now=${this.now}></pbxd-queue>`,
      )}
    `;
  }
}

function kept(): Language | null {
  try {
    return asLanguage(localStorage.getItem(LANGUAGE_KEY));
  } catch {
    return null;
  }
}

/** Not crypto.randomUUID: that exists only over TLS and on localhost. */
function orderId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

customElements.define("pbxd-page", AgentPage);

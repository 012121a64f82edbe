// The page itself: how what the station knows is laid out.

import { html, LitElement, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { Pop } from "./desk";
import * as icons from "./icons";
import { look } from "./look";
import { pageLook } from "./page-look";
import { number, said, stateChip } from "./parts";
import "./pop-card";
import "./queue-card";
import type { RecentContacts } from "./recent";
import "./recent";
import { clock, duration, exact, moment } from "./say";
import "./sign-in";
import type { Me } from "./sign-in";
import { Station } from "./station";
import { ending } from "./transfer-panel";
import { asLanguage, type Language, WORDS, type Words } from "./words";

const LANGUAGE_KEY = "pbxd.language";
/** pbxd writes a contact when the caller is gone, soon after the pop closes; the list looks again then (ms). */
const WRITTEN_AFTER = [1000, 3000, 8000];

export class AgentPage extends LitElement {
  static override properties = { chosen: { state: true } };
  declare private chosen: Language | null;

  static override styles = [look, pageLook];

  private readonly station = new Station(this, () => {
    for (const wait of WRITTEN_AFTER) window.setTimeout(() => this.refresh(), wait);
  });

  private readonly unfolded = new Set<string>();

  constructor() {
    super();
    this.chosen = kept();
  }

  /** The language that pbxd words its texts in for this agent. */
  private get own(): Language {
    return asLanguage(this.station.me?.language) ?? "en";
  }

  private get language(): Language {
    return this.chosen ?? asLanguage(this.station.me?.language) ?? asLanguage(navigator.language) ?? "en";
  }

  private get words(): Words {
    return WORDS[this.language];
  }

  private speak(language: Language): void {
    this.chosen = language;
    try {
      localStorage.setItem(LANGUAGE_KEY, language);
    } catch {
      // Storage is switched off: the choice holds until the page is closed.
    }
  }

  private refresh(): void {
    void (this.renderRoot.querySelector("pbxd-recent") as RecentContacts | null)?.load();
  }

  protected override updated(): void {
    document.documentElement.lang = this.language;
    document.title = this.titleText();
  }

  private titleText(): string {
    const { open, me } = this.station;
    const newest = open.at(-1);
    if (newest) return `☎ ${this.who(newest)} – pbxd`;
    return `${me ? `${me.name} – ` : ""}pbxd`;
  }

  private who(pop: Pop): string {
    return pop.caller.name || pop.caller.number || this.words.unknownCaller;
  }

  // ------------------------------------------------------------ rendering

  protected override render() {
    switch (this.station.standing) {
      case "starting":
        return html`<div class="door" aria-busy="true"></div>`;
      case "signed_out":
        return html`<div class="door">
          <pbxd-sign-in .words=${this.words} @signed-in=${(event: CustomEvent<Me>) => this.station.enter(event.detail)}>
            <span slot="mark" class="mark" aria-hidden="true">p</span>
          </pbxd-sign-in>
          ${this.languages()}
        </div>`;
      case "crowded":
      case "nonsense":
        return html`<div class="door">
          <p role="alert">${this.words[this.station.standing]}</p>
          <button class="first" type="button" @click=${() => location.reload()}>${this.words.reload}</button>
        </div>`;
      case "signed_in":
        return this.workplace();
    }
  }

  private workplace(): TemplateResult {
    const { link, desk } = this.station;
    const stale = link.is !== "up" && desk !== null;
    return html`<div class=${stale ? "stale" : ""}>
      ${this.bar()}
      <div role="alert">${this.lost()} ${this.unheard()} ${this.noticed()}</div>
      <main>
        <div class="column">${this.calls()}</div>
        <aside class="column" aria-label=${this.words.queues}>${this.callbacks()} ${this.queues()}</aside>
      </main>
    </div>`;
  }

  private bar(): TemplateResult {
    const { words } = this;
    const { desk, me } = this.station;
    const agent = desk?.agent;
    return html`<header class="bar">
      <div class="me">
        <span class="mark" aria-hidden="true">p</span>
        <div>
          <b>${said(agent?.name || me?.name || "")}</b>
          <span class="quiet">${me?.agent}</span>
        </div>
        <span class=${this.station.unheard.length > 0 ? "of-before" : ""} aria-live="polite" data-state=${agent?.state ?? ""}>
          ${agent ? stateChip(agent.state, agent.paused, words) : html`<span class="chip">${words.connecting}</span>`}
        </span>
        ${this.wrapUp()}
      </div>
      <div class="actions push">
        ${this.readyButton()} ${this.pauseButton()} ${this.languages()}
        <button class="bare" type="button" @click=${() => void this.station.signOut()} aria-label=${words.signOut} title=${words.signOut}>
          ${icons.leave}
        </button>
      </div>
    </header>`;
  }

  /** How long he still has for his notes, once the clock runs. */
  private wrapUp(): TemplateResult | typeof nothing {
    const { now, desk } = this.station;
    const until = desk?.agent.wrap_up?.until;
    if (desk?.agent.state !== "wrapup" || until === null || until === undefined) return nothing;
    return html`<span class="quiet time" data-wrap-up>${this.words.wrapUpLeft(duration(Math.ceil(until - now)))}</span>`;
  }

  private readyButton(): TemplateResult | typeof nothing {
    const { words } = this;
    const { endsWrapUp, desk, deaf } = this.station;
    if (desk?.agent.state !== "wrapup") return nothing;
    return html`<button class="first" type="button" data-ready ?disabled=${endsWrapUp || deaf} aria-busy=${endsWrapUp} @click=${() => this.station.ready()}>
      ${icons.check}<span>${endsWrapUp ? words.endingWrapUp : words.ready}</span>
    </button>`;
  }

  private pauseButton(): TemplateResult {
    const { words } = this;
    const { order, desk, deaf, link } = this.station;
    const paused = desk?.agent.paused ?? false;
    const label = order ? (order.paused ? words.pausing : words.resuming) : paused ? words.resume : words.pause;
    const disabled = order !== null || desk === null || deaf;
    return html`<button
      class="pause ${paused ? "is-paused" : ""}"
      type="button"
      ?disabled=${disabled}
      title=${deaf && desk !== null && link.is === "up" ? words.pauseUnheard : nothing}
      aria-busy=${order !== null}
      @click=${() => this.station.pause(!paused)}
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
    const { words } = this;
    const { link, desk } = this.station;
    if (link.is === "up" || desk === null) return nothing;
    const left = link.is === "lost" ? Math.max(0, Math.ceil((link.retryAt - Date.now()) / 1000)) : 0;
    return html`<div class="banner bad" data-lost>
      ${icons.noLink}<span>${words.lost}. ${words.lostDetail}</span>
      <span class="push time" aria-hidden="true">${words.retryIn(left)}</span>
      ${link.is === "lost" ? html`<button type="button" @click=${() => this.station.reconnect()}>${words.tryNow}</button>` : nothing}
    </div>`;
  }

  /** While the page itself has lost pbxd, nothing is known of the switches. */
  private unheard(): unknown {
    const { words, language } = this;
    const { link, unheard, now } = this.station;
    if (link.is !== "up") return nothing;
    return repeat(
      unheard,
      (each) => each.node,
      (each) => html`<div class="banner bad" data-unheard=${each.node}>
        ${icons.noLink}
        <span>${words.unheard(each.node, each.since === null ? "" : moment(each.since, now, language))}</span>
        <span class="push why">${said(words.because(each.reason))}</span>
      </div>`,
    );
  }

  private noticed(): TemplateResult | typeof nothing {
    const { words } = this;
    const { notice } = this.station;
    if (!notice) return nothing;
    return html`<div class="banner ${notice.tone}" data-notice>
      ${icons.warning}<span>${notice.text(words)}</span>
      <button class="push" type="button" aria-label=${words.dismiss} @click=${() => this.station.notify(null)}>${icons.cross}</button>
    </div>`;
  }

  private calls(): TemplateResult {
    const { words } = this;
    const open = this.station.open.reverse();
    const over = this.station.pops.filter((pop) => pop.closed !== undefined).reverse();
    const newest = open[0];
    return html`
      <p class="hidden" role="alert" data-announce>
        ${newest ? words.announce(this.who(newest), newest.queue ?? "") : nothing}
      </p>
      <h2>${words.calls}</h2>
      ${this.strays()} ${this.station.left.map((each) => ending(each, words, () => this.station.dismiss(each.id)))}
      ${open.length === 0 && this.station.strays.length === 0 ? this.idle() : repeat(open, (pop) => pop.id, (pop) => this.card(pop, this.isTalking(pop)))}
      ${over.length > 0
        ? html`<h2>${words.earlier}</h2>
            ${repeat(over, (pop) => pop.id, (pop) => this.folded(pop))}`
        : nothing}
      <pbxd-recent .words=${words} .language=${this.language} .now=${minute(this.station.now)}></pbxd-recent>
    `;
  }

  private idle(): TemplateResult {
    const { words } = this;
    const { desk, unheard } = this.station;
    const paused = desk?.agent.paused ?? false;
    const offline = desk?.agent.state === "offline";
    const wrapUp = desk?.agent.state === "wrapup";
    const talks = desk?.agent.state === "talking" || desk?.agent.state === "busy";
    const here = talks ? words.noCallTalking : wrapUp ? words.noCallWrapUp : paused ? words.noCallPaused : words.noCallReady;
    const text = unheard.length > 0 ? words.noCallUnheard : offline ? words.noCallOffline : here;
    return html`<div class="card idle" data-idle>
      ${icons.phone}<b>${words.noCall}</b>
      <p class="quiet">${desk === null ? "" : text}</p>
    </div>`;
  }

  /** Where it is not known which call was answered: who talks while another one rings talks to who came first. */
  private isTalking(pop: Pop): boolean {
    const { desk, open } = this.station;
    if (open.some((each) => each.answered !== undefined)) return pop.answered !== undefined;
    return desk?.agent.state === "talking" && open[0]?.id === pop.id;
  }

  private card(pop: Pop, talking = false): TemplateResult {
    const { station } = this;
    const over = pop.closed !== undefined;
    return html`<pbxd-pop
      .pop=${pop}
      .talking=${talking}
      .words=${this.words}
      .language=${this.language}
      .own=${this.own}
      .now=${station.now}
      .until=${over ? station.now : station.until(pop.node)}
      .live=${station.hears(pop.node)}
      .transfer=${over ? null : station.transferOf(pop.call)}
      .handover=${over ? null : station.handoverOf(pop.call)}
      .station=${station}
    ></pbxd-pop>`;
  }

  /** A transfer whose call no card shows, e.g. because pbxd was restarted meanwhile: its buttons stay. */
  private strays(): unknown {
    const { station, words } = this;
    return repeat(
      station.strays,
      (each) => each.id,
      (each) => html`<article class="card stray" aria-label=${words.strayTransfer(each.caller.name || each.caller.number || words.unknownCaller)}>
        <h3>${said(each.caller.name || words.unknownCaller)}</h3>
        <p class="quiet">${each.caller.number ? number(each.caller.number) : words.withheld}</p>
        <pbxd-transfer .transfer=${each} .station=${station} .words=${words} .until=${station.until(each.node)} .live=${station.hears(each.node)}></pbxd-transfer>
      </article>`,
    );
  }

  /** A call that is over; its card is made when somebody opens it. */
  private folded(pop: Pop): TemplateResult {
    const { words } = this;
    const toggle = (event: Event) => {
      if ((event.target as HTMLDetailsElement).open) this.unfolded.add(pop.id);
      else this.unfolded.delete(pop.id);
      this.requestUpdate();
    };
    const transfer = this.station.transferOf(pop.call);
    const handedOver = transfer !== null && this.station.makes(transfer) && transfer.outcome === "completed";
    const closing = handedOver
      ? words.transferOutcomes.completed?.(transfer.target.name || transfer.target.id)
      : (words.closings[pop.closed ?? ""] ?? pop.closed);
    return html`<details class="card" data-closed=${pop.id} @toggle=${toggle}>
      <summary>
        <span class="time quiet">${clock(pop.at, this.language)}</span>
        <span class="name">${said(this.who(pop))}</span>
        ${pop.queue ? html`<span class="quiet">${said(pop.queue)}</span>` : nothing}
        <span class="quiet push">${said(closing ?? "")}</span>
      </summary>
      ${this.unfolded.has(pop.id) ? this.card(pop) : nothing}
    </details>`;
  }

  /** Callers who want to be called back, the oldest first. */
  private callbacks(): TemplateResult | typeof nothing {
    const { words } = this;
    const { callbacks, deaf } = this.station;
    if (callbacks.length === 0) return nothing;
    return html`<section class="card callbacks" aria-label=${words.callbacks}>
      <h2>${words.callbacks}</h2>
      <ul>
        ${repeat(
          callbacks,
          (wish) => wish.id,
          (wish) => html`<li data-callback=${wish.id}>
            <span>
              ${wish.caller.number ? number(wish.caller.number) : words.withheld}
              ${wish.caller.name ? said(wish.caller.name) : nothing}
              <small class="quiet">
                ${exact(wish.at, this.language)} ${wish.queue ? html`· ${said(wish.queue)}` : nothing}
                ${wish.reason ? html`· ${said(wish.reason)}` : nothing}
              </small>
            </span>
            <button type="button" ?disabled=${deaf} @click=${() => this.station.calledBack(wish.id)}>${words.calledBack}</button>
          </li>`,
        )}
      </ul>
    </section>`;
  }

  private queues(): TemplateResult {
    const { words } = this;
    const { desk, now, unheard } = this.station;
    const nodes = new Set(desk?.queues.map((queue) => queue.node));
    return html`
      <h2>${words.queues}</h2>
      ${desk && desk.queues.length === 0 ? html`<p class="quiet">${words.noQueues}</p>` : nothing}
      ${repeat(
        desk?.queues ?? [],
        (queue) => `${queue.node}/${queue.name}`,
        (queue) => html`<pbxd-queue .queue=${queue} .named=${nodes.size > 1} .agent=${desk?.agent.name ?? ""} .words=${words} .language=${this.language} .now=${now} .unheard=${unheard.find((link) => link.node === queue.node) ?? null}></pbxd-queue>`,
      )}
    `;
  }
}

/** What only tells today from yesterday need not be rendered each second. */
function minute(now: number): number {
  return Math.floor(now / 60) * 60;
}

function kept(): Language | null {
  try {
    return asLanguage(localStorage.getItem(LANGUAGE_KEY));
  } catch {
    return null;
  }
}

customElements.define("pbxd-page", AgentPage);

// The screen pop: who calls, why he is here, and what happened before. Made to be read in two seconds.

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { type Handover, type PathStep, type Pop, type Transfer, waitedIn } from "./desk";
import "./handover-part";
import * as icons from "./icons";
import { look } from "./look";
import { cell, number, outcomeChip, said, talked } from "./parts";
import type { Picker } from "./picker";
import "./picker";
import { date, duration, exact, reason } from "./say";
import type { Station } from "./station";
import { ending, type TransferPanel } from "./transfer-panel";
import "./transfer-panel";
import type { Language, Words } from "./words";

export class PopCard extends LitElement {
  static override properties = {
    pop: { attribute: false },
    talking: { attribute: false },
    words: { attribute: false },
    language: { attribute: false },
    own: { attribute: false },
    now: { attribute: false },
    until: { attribute: false },
    live: { attribute: false },
    transfer: { attribute: false },
    handover: { attribute: false },
    station: { attribute: false },
  };
  declare pop: Pop;
  declare talking: boolean;
  declare words: Words;
  declare language: Language;
  declare own: Language;
  declare now: number;
  /** pbxd's time as far as the call's switch is known; and whether it is known now. */
  declare until: number;
  declare live: boolean;
  /** The newest transfer of this call, by this agent or to him. */
  declare transfer: Transfer | null;
  /** With what the call was handed over to this agent. */
  declare handover: Handover | null;
  declare station: Station;

  constructor() {
    super();
    this.transfer = null;
    this.handover = null;
    this.live = false;
  }

  static override styles = [
    look,
    css`
      article {
        overflow: hidden;
      }
      .band {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.35rem 0.9rem;
        padding: 0.6rem 1.4rem;
        background: var(--accent);
        color: var(--on-accent);
        font-weight: 600;
      }
      .band .since {
        margin-inline-start: auto;
        font-weight: 500;
      }
      .over .band {
        background: var(--sunken);
        color: var(--soft);
      }
      .beat {
        width: 0.6rem;
        height: 0.6rem;
        border-radius: 50%;
        background: currentColor;
        animation: beat 1.2s ease-in-out infinite;
      }
      @keyframes beat {
        50% {
          opacity: 0.25;
        }
      }
      .body {
        padding: 1.25rem 1.4rem 1.4rem;
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 1.35rem;
      }
      .who {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 0.15rem;
      }
      .name {
        font-size: clamp(1.5rem, 1.1rem + 1.6vw, 2.125rem);
        font-weight: 700;
        line-height: 1.2;
        letter-spacing: -0.01em;
        display: -webkit-box;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 2;
        overflow: hidden;
      }
      .big {
        font-size: clamp(1.375rem, 1.05rem + 1.3vw, 1.875rem);
        font-weight: 600;
        line-height: 1.3;
        color: var(--accent);
      }
      .origin {
        display: flex;
        flex-wrap: wrap;
        gap: 0.15rem 1.1rem;
        margin-top: 0.3rem;
        color: var(--soft);
      }
      .origin span {
        min-width: 0;
        display: inline-flex;
        gap: 0.35rem;
        align-items: center;
      }
      .repeat {
        display: flex;
        gap: 0.7rem;
        align-items: center;
        padding: 0.7rem 0.9rem;
        border-radius: 10px;
        background: var(--amber-back);
        color: var(--amber);
        font-weight: 600;
        font-size: 1.0625rem;
      }
      .facts {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr));
        gap: 0.9rem 1.25rem;
      }
      .facts dd {
        display: -webkit-box;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 2;
        overflow: hidden;
        font-size: 1.1875rem;
        font-weight: 600;
        line-height: 1.35;
      }
      .path {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem 1.5rem;
        margin-top: 0.5rem;
        align-items: center;
      }
      .path li {
        position: relative;
        display: inline-flex;
        align-items: center;
        gap: 0.5rem;
        padding: 0.3rem 0.7rem;
        border-radius: 9px;
        background: var(--sunken);
        max-width: 100%;
      }
      .path li:not(:last-child)::after {
        content: "";
        position: absolute;
        right: -1rem;
        top: calc(50% - 0.25rem);
        width: 0.5rem;
        height: 0.5rem;
        border: solid var(--line-strong);
        border-width: 2px 2px 0 0;
        transform: rotate(45deg);
      }
      kbd {
        font: 700 1rem/1.5 ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace;
        padding: 0 0.5em;
        border-radius: 6px;
        background: var(--surface);
        border: 1px solid var(--line-strong);
        border-bottom-width: 2px;
        overflow-wrap: anywhere;
      }
      .fault {
        color: var(--red);
        font-size: 0.875rem;
      }
      .missing {
        display: flex;
        gap: 0.6rem;
        align-items: center;
        margin-top: 0.5rem;
        padding: 0.6rem 0.8rem;
        border-radius: 10px;
        background: var(--red-back);
        color: var(--red);
        font-weight: 600;
      }
      .missing small {
        display: block;
        font-weight: 400;
        font-size: 0.875rem;
      }
      .none {
        margin-top: 0.4rem;
      }
      .start {
        display: grid;
        gap: 0.8rem;
        justify-items: start;
      }
      .start > pbxd-picker {
        display: contents;
      }
      .start > p {
        justify-self: stretch;
      }
      .scroll {
        overflow-x: auto;
        margin-top: 0.4rem;
      }
    `,
  ];

  protected override render() {
    const { pop, words, handover } = this;
    const over = pop.closed !== undefined;
    // To the switch a call that is handed over comes straight from the colleague.
    const queue = pop.queue ?? handover?.queue ?? null;
    const waited = pop.queue === null && handover ? waitedIn(handover) : pop.waited_s;
    return html`
      <article class="card ${over ? "over" : ""}" data-pop=${pop.id} aria-label=${words.announce(this.who(), pop.queue ?? "")}>
        ${this.band(over)}
        <div class="body">
          ${this.caller()} ${over ? nothing : html`${this.handing()} ${this.moving()}`} ${this.repeat()}
          <dl class="facts">
            ${this.fact(words.queue, queue ? said(queue) : words.direct, "queue")}
            ${queue ? this.fact(words.waited, html`<span class="time">${duration(waited)}</span>`, "waited") : nothing}
            ${pop.subject ? this.fact(words.subject, said(pop.subject), "subject") : nothing}
            ${pop.dialled ? this.fact(words.dialled, number(pop.dialled), "dialled") : nothing}
          </dl>
          ${this.path()} ${this.history()}
        </div>
      </article>
    `;
  }

  private who(): string {
    const { caller } = this.pop;
    return caller.name || caller.number || this.words.unknownCaller;
  }

  private band(over: boolean): TemplateResult {
    const { pop, words } = this;
    if (over) {
      return html`<header class="band">
        <span>${words.closings[pop.closed ?? ""] ?? pop.closed}</span>
        <time class="since time">${date(pop.at, this.now, this.language, words)}</time>
      </header>`;
    }
    const from = this.handover?.from.name || this.handover?.from.agent;
    return html`<header class="band">
      ${this.talking ? icons.phone : html`<span class="beat" aria-hidden="true"></span>`}
      <span>${this.talking ? words.inProgress : from ? words.handoverFrom(from) : words.incoming}</span>
      <span class="since time" data-since>${duration(this.until - pop.at)}</span>
    </header>`;
  }

  // ------------------------------------------------------------ handing over

  private get mine(): boolean {
    return this.transfer !== null && this.station.makes(this.transfer);
  }

  /** What a colleague hands over to this agent. */
  private handing(): TemplateResult | typeof nothing {
    if (!this.handover) return nothing;
    return html`<pbxd-handover .handover=${this.handover} .transfer=${this.station.standingOf(this.handover)} .station=${this.station} .words=${this.words} .live=${this.live}></pbxd-handover>`;
  }

  /** What this agent does to hand the caller over. */
  private moving(): TemplateResult | typeof nothing {
    const { transfer, words, live, station } = this;
    if (transfer && this.mine && transfer.state !== "ended") {
      return html`<pbxd-transfer .transfer=${transfer} .station=${station} .words=${words} .until=${this.until} .live=${live}></pbxd-transfer>`;
    }
    const told = this.told();
    // A call that a colleague hands over just now is still his.
    const free = this.talking && (transfer === null || transfer.state === "ended");
    if (!free && !told) return nothing;
    return html`<div class="start">
      ${told}
      ${free
        ? html`<button type="button" data-start ?disabled=${!live} @click=${() => this.picker?.open()}>${icons.transfer}<span>${words.transferButton}</span></button>
            <pbxd-picker .station=${station} .words=${words} .call=${this.pop.call} .who=${this.who()} .live=${live} @started=${this.started}></pbxd-picker>`
        : nothing}
    </div>`;
  }

  private get picker(): Picker | null {
    return this.renderRoot.querySelector("pbxd-picker");
  }

  private readonly started = (): void => {
    void this.updateComplete.then(() => (this.renderRoot.querySelector("pbxd-transfer") as TransferPanel | null)?.focus());
  };

  /** How this agent's last transfer of the call ended, until he has read it. */
  private told(): TemplateResult | null {
    const { transfer } = this;
    if (!transfer || !this.mine || transfer.state !== "ended" || this.station.hasRead(transfer.id)) return null;
    return ending(transfer, this.words, () => {
      this.station.dismiss(transfer.id);
      this.requestUpdate();
    });
  }

  private caller(): TemplateResult {
    const { caller } = this.pop;
    const place = [caller.place, caller.country].filter(Boolean).join(", ");
    const asPresented = caller.dialled_as && caller.dialled_as !== caller.number;
    return html`<div class="who">
      <h2 class="name" title=${caller.name || nothing} data-name>${caller.name ? said(caller.name) : this.words.unknownCaller}</h2>
      <p class="big" data-number>${caller.number ? number(caller.number) : this.words.withheld}</p>
      <p class="origin">
        ${place ? html`<span data-place>${icons.place}${said(place)}</span>` : nothing}
        ${caller.carrier ? html`<span>${said(caller.carrier)}</span>` : nothing}
        ${asPresented
          ? html`<span data-presented>${this.words.dialledAs} <bdi class="number" dir="ltr">${caller.dialled_as}</bdi></span>`
          : nothing}
      </p>
    </div>`;
  }

  private repeat(): TemplateResult | typeof nothing {
    const { repeat } = this.pop;
    if (!repeat?.flag) return nothing;
    return html`<p class="repeat" data-repeat>
      ${icons.repeat}<span>${reason(repeat, this.language, this.own, this.words)}</span>
    </p>`;
  }

  private fact(term: string, value: unknown, name: string): TemplateResult {
    return html`<div><dt class="title">${term}</dt><dd data-fact=${name}>${value}</dd></div>`;
  }

  private path(): TemplateResult {
    const steps = this.pop.path.filter((step) => step.digits !== "" || step.kind !== "play");
    return html`<section aria-label=${this.words.path}>
      <h3 class="title">${this.words.path}</h3>
      ${steps.length === 0
        ? html`<p class="quiet none">${this.words.noPath}</p>`
        : html`<ol class="path" data-path>${steps.map((step) => this.step(step))}</ol>`}
    </section>`;
  }

  private step(step: PathStep): TemplateResult {
    const fault = this.words.results[step.result];
    return html`<li>
      <span>${said(step.label || step.step)}</span>
      ${step.digits ? html`<kbd>${step.digits}</kbd>` : nothing}
      ${fault ? html`<span class="fault">${fault}</span>` : nothing}
    </li>`;
  }

  private history(): TemplateResult {
    const { history } = this.pop;
    const { words } = this;
    const heading = html`<h3 class="title">${words.history}</h3>`;
    if (history.state === "missing" && !this.pop.caller.number) {
      return html`<section data-history="missing">${heading}<p class="quiet none">${words.historyWithheld}</p></section>`;
    }
    if (history.state === "missing") {
      return html`<section data-history="missing">
        ${heading}
        <p class="missing">
          ${icons.warning}<span>${words.historyMissing}${history.why ? html`<small>${said(words.because(history.why))}</small>` : nothing}</span>
        </p>
      </section>`;
    }
    if (history.state === "pending") {
      return html`<section data-history="pending">${heading}<p class="quiet none">${words.historyPending}</p></section>`;
    }
    if (history.contacts.length === 0) {
      return html`<section data-history="found">${heading}<p class="quiet none">${words.historyNone}</p></section>`;
    }
    return html`<section data-history="found">${heading}${this.contacts()}</section>`;
  }

  private contacts(): TemplateResult {
    const { words, language } = this;
    return html`<div class="scroll" tabindex="0" role="region" aria-label=${words.history}>
      <table>
        <thead>
          <tr>
            <th scope="col">${words.when}</th>
            <th scope="col">${words.queue}</th>
            <th scope="col">${words.subject}</th>
            <th scope="col">${words.agent}</th>
            <th scope="col">${words.outcome}</th>
            <th scope="col" class="end">${words.talked}</th>
          </tr>
        </thead>
        <tbody>
          ${this.pop.history.contacts.map(
            (contact) => html`<tr>
              <td class="time" title=${exact(contact.arrived, language)}>${date(contact.arrived, this.now, language, words)}</td>
              ${cell(contact.queue)} ${cell(contact.subject)}
              <td>${contact.agent ? said(contact.agent) : html`<span class="quiet">${words.nobody}</span>`}</td>
              <td class="outcome">${outcomeChip(contact.outcome, words)}</td>
              ${talked(contact.talk_s)}
            </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
  }
}

customElements.define("pbxd-pop", PopCard);

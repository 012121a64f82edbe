// What the transferer hands over with the caller: why, notes as they are typed, who has talked with him.

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import type { Earlier, Handover, Reply, Transfer } from "./desk";
import * as icons from "./icons";
import { look } from "./look";
import { said } from "./parts";
import { duration, outcomeOf } from "./say";
import type { Station } from "./station";
import type { Words } from "./words";

export class HandoverPart extends LitElement {
  static override properties = {
    handover: { attribute: false },
    transfer: { attribute: false },
    station: { attribute: false },
    words: { attribute: false },
    live: { attribute: false },
    busy: { state: true },
    reported: { state: true },
    trouble: { state: true },
  };
  declare handover: Handover;
  /** How the transfer stands, when pbxd makes it. */
  declare transfer: Transfer | null;
  declare station: Station;
  declare words: Words;
  declare live: boolean;
  declare busy: boolean;
  declare reported: boolean;
  declare trouble: Reply | null;

  static override styles = [
    look,
    css`
      section {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 0.9rem;
        padding: 0.9rem;
        border-radius: 12px;
        background: var(--violet-back);
      }
      .title {
        color: var(--violet);
      }
      .standing {
        display: flex;
        gap: 0.6rem;
        align-items: center;
        font-weight: 600;
        font-size: 1.0625rem;
        color: var(--violet);
      }
      .reason {
        font-size: 1.1875rem;
        font-weight: 600;
        line-height: 1.35;
      }
      .note {
        white-space: pre-wrap;
      }
      .agents {
        display: flex;
        flex-wrap: wrap;
        gap: 0.3rem 1.1rem;
      }
      .repeated {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem 0.9rem;
        align-items: center;
      }
      .trouble {
        color: var(--red);
        font-weight: 600;
      }
      li + li {
        margin-top: 0.2rem;
      }
      .agents li + li {
        margin-top: 0;
      }
    `,
  ];

  constructor() {
    super();
    this.busy = false;
    this.reported = false;
    this.trouble = null;
  }

  protected override render() {
    const { handover, words } = this;
    return html`<section aria-label=${words.handover} data-handover=${handover.transfer}>
      <p class="standing" role="status" data-standing>${icons.transfer}<span>${said(this.standing())}</span></p>
      <div>
        <h3 class="title">${words.reason}</h3>
        <p class="reason" data-reason>${handover.reason ? said(handover.reason) : html`<span class="quiet">${words.noReason}</span>`}</p>
      </div>
      <div aria-live="polite">
        <h3 class="title">${words.note}</h3>
        <p class="note" data-note>${handover.note ? said(handover.note) : html`<span class="quiet">${this.open ? words.noNote : words.noReason}</span>`}</p>
      </div>
      ${handover.disposition ? html`<div><h3 class="title">${words.disposition}</h3><p data-disposition>${said(handover.disposition)}</p></div>` : nothing}
      ${this.agents()} ${this.earlier()} ${this.repeated()}
    </section>`;
  }

  /** Whether the colleague may still write something. */
  private get open(): boolean {
    return this.transfer !== null && this.transfer.state !== "ended";
  }

  private standing(): string {
    const { handover, transfer, words } = this;
    const who = handover.from.name || handover.from.agent || "";
    if (!transfer) return words.handoverFrom(who);
    const state = transfer.state === "ended" ? `ended ${transfer.outcome}` : transfer.state;
    return words.handoverStates[state]?.(who) ?? words.handoverFrom(who);
  }

  private agents(): TemplateResult | typeof nothing {
    const { handover, words } = this;
    if (handover.agents.length === 0) return nothing;
    return html`<div>
      <h3 class="title">${words.agentsSoFar}</h3>
      <ul class="agents" data-agents>
        ${handover.agents.map(
          (leg) => html`<li>
            ${said(leg.name)} <span class="quiet">${leg.queue ? said(leg.queue) : nothing}</span>
            <span class="time quiet">${duration(leg.talk_s)}</span>
          </li>`,
        )}
      </ul>
    </div>`;
  }

  private earlier(): TemplateResult | typeof nothing {
    const { handover, words } = this;
    if (handover.transfers.length === 0) return nothing;
    return html`<div>
      <h3 class="title">${words.earlierTransfers}</h3>
      <ul data-earlier>${handover.transfers.map((each) => this.one(each))}</ul>
    </div>`;
  }

  private one(each: Earlier): TemplateResult {
    const text = [each.reason, each.note].filter(Boolean).join(" – ");
    return html`<li>
      ${said(each.from.name || each.from.agent || "?")} → ${said(each.to.name || each.to.id || "?")}
      ${text ? html`<span class="note quiet">${said(text)}</span>` : nothing}
    </li>`;
  }

  /** What people complain about most, with one button made a figure. */
  private repeated(): TemplateResult {
    const { handover, words } = this;
    const mine = this.reported || handover.repeated.some((each) => each.agent === this.station.me?.agent);
    const others = handover.repeated.filter((each) => each.agent !== this.station.me?.agent);
    return html`<div class="repeated">
      ${others.length > 0 ? html`<span data-repeated-to>${words.repeatedTo(others.map((each) => each.name))}</span>` : nothing}
      <button type="button" data-had-to-repeat aria-pressed=${mine} ?disabled=${mine || this.busy || !this.live} @click=${() => void this.report()}>
        ${mine ? icons.check : icons.repeat}<span>${mine ? words.repeatNoted : words.hadToRepeat}</span>
      </button>
      ${this.trouble ? html`<span class="trouble" role="alert">${said(outcomeOf(this.trouble, words))}</span>` : nothing}
    </div>`;
  }

  private async report(): Promise<void> {
    this.busy = true;
    const reply = await this.station.give("call.repeated", { call: this.handover.call });
    this.busy = false;
    this.reported = reply.outcome === "done";
    this.trouble = this.reported ? null : reply;
  }
}

customElements.define("pbxd-handover", HandoverPart);

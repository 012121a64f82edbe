// A transfer under way, for the agent who makes it: where everybody is, what he can do, what he writes.

import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { Reply, Transfer, Verb } from "./desk";
import * as icons from "./icons";
import { look } from "./look";
import { field } from "./look-field";
import { number, said } from "./parts";
import { duration, outcomeOf } from "./say";
import type { Station } from "./station";
import type { Words } from "./words";

/** A pause in typing after which what was typed is sent (ms). */
const TYPED = 350;

type Text = "reason" | "note" | "disposition";
const TEXTS: Text[] = ["reason", "note", "disposition"];

/** In this order, whatever is possible: a button does not wander while somebody reaches for it. */
const VERBS: Verb[] = ["complete", "leave", "swap", "merge", "cancel", "requeue"];

const TONE: Record<string, string> = {
  created: "ringing",
  ringing: "ringing",
  talking: "talking",
  swapped: "talking",
  merged: "talking",
  completing: "ready",
  returning: "paused",
  recalling: "paused",
};

export class TransferPanel extends LitElement {
  static override properties = {
    transfer: { attribute: false },
    station: { attribute: false },
    words: { attribute: false },
    until: { attribute: false },
    live: { attribute: false },
    busy: { state: true },
    trouble: { state: true },
    saving: { state: true },
  };
  declare transfer: Transfer;
  declare station: Station;
  declare words: Words;
  /** pbxd's time as far as the switch is known. */
  declare until: number;
  /** Whether pbxd hears the switch, so that orders make sense. */
  declare live: boolean;
  declare busy: Verb | null;
  declare trouble: Reply | null;
  declare saving: "" | "saving" | "saved" | "failed";

  private readonly typed: Partial<Record<Text, string>> = {};
  private typing = 0;

  static override styles = [
    look,
    field,
    css`
      section {
        border: 1px solid var(--tone, var(--line-strong));
        border-radius: 12px;
        overflow: hidden;
      }
      header {
        display: flex;
        align-items: center;
        gap: 0.75rem;
        padding: 0.6rem 0.9rem;
        background: var(--tone-back, var(--sunken));
        color: var(--tone, var(--soft));
        font-weight: 600;
      }
      header svg {
        width: 1.25rem;
        height: 1.25rem;
      }
      header .time {
        margin-inline-start: auto;
        font-weight: 500;
      }
      h3 {
        flex: 1;
        min-width: 0;
        font-size: 1.0625rem;
        line-height: 1.3;
      }
      h3:focus {
        outline: none;
      }
      .inside {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 0.9rem;
        padding: 0.9rem;
      }
      .buttons {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem;
      }
      .fields {
        display: grid;
        grid-template-columns: repeat(2, minmax(0, 1fr));
        gap: 0.75rem;
      }
      .wide {
        grid-column: 1 / -1;
      }
      .trouble {
        display: flex;
        gap: 0.5rem;
        align-items: center;
        color: var(--red);
        font-weight: 600;
      }
      .saved {
        font-size: 0.8125rem;
        min-height: 1.2em;
      }
      @media (max-width: 40rem) {
        .fields {
          grid-template-columns: minmax(0, 1fr);
        }
        .buttons button {
          flex: 1 1 45%;
          padding: 0.3rem 0.6rem;
          line-height: 1.25;
        }
      }
    `,
  ];

  constructor() {
    super();
    this.busy = null;
    this.trouble = null;
    this.saving = "";
  }

  /** For who has just pressed the button that is gone now. */
  override focus(): void {
    void this.updateComplete.then(() => this.renderRoot.querySelector("h3")?.focus());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    void this.send();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    // What could not be sent while the line was down goes now.
    if (changed.get("live") === false && this.live) void this.send();
    const before = changed.get("transfer");
    if (!before) return;
    // What pbxd has, needs no copy here; what somebody types now, stays.
    for (const text of TEXTS) if (this.typed[text] === this.transfer[text]) delete this.typed[text];
    if (before.state !== this.transfer.state) this.trouble = null;
  }

  protected override render() {
    const { transfer, words, busy } = this;
    const why = transfer.why || this.station.missed[transfer.id];
    return html`<section class=${TONE[transfer.state] ?? ""} aria-label=${words.transfer} data-transfer=${transfer.id} data-transfer-state=${transfer.state}>
      <header>
        ${icons.transfer}
        <h3 tabindex="-1" role="status">${this.headline()}</h3>
        <span class="time" aria-hidden="true">${duration(this.until - this.since())}</span>
      </header>
      <div class="inside">
        ${why && transfer.state !== "ended" ? html`<p data-why>${said(words.because(why))}</p>` : nothing}
        ${transfer.can.length > 0
          ? html`<div class="buttons" role="group" aria-label=${words.transfer} aria-busy=${busy !== null}>
              ${repeat(
                VERBS.filter((verb) => this.offers(verb)),
                (verb) => verb,
                (verb) => this.button(verb),
              )}
            </div>`
          : nothing}
        ${this.trouble
          ? html`<p class="trouble" role="alert" data-trouble>${icons.warning}<span>${said(outcomeOf(this.trouble, words))}</span></p>`
          : nothing}
        ${this.fields()}
      </div>
    </section>`;
  }

  private headline(): TemplateResult {
    const { transfer, words } = this;
    const who = transfer.target.name || transfer.target.id;
    const caller = transfer.caller.name || transfer.caller.number || words.unknownCaller;
    const say = words.transferStates[transfer.state];
    const more = transfer.fallbacks_left > 0 && transfer.state === "ringing" ? words.fallbacksLeft(transfer.fallbacks_left) : "";
    return html`${said(say ? say(who, caller) : transfer.state)}${more ? html` <small class="quiet">${more}</small>` : nothing}`;
  }

  /** The button names no queue, so that a caller who came through none cannot go back to it. */
  private offers(verb: Verb): boolean {
    const { can, queue } = this.transfer;
    return can.includes(verb) && (verb !== "requeue" || queue !== null);
  }

  private since(): number {
    const { created, ringing, answered } = this.transfer.times;
    return answered ?? ringing ?? created;
  }

  private button(verb: Verb): TemplateResult {
    const { transfer, words, busy } = this;
    const first = verb === "complete" || (verb === "leave" && !transfer.can.includes("complete"));
    const label = words.verbs[verb]?.(transfer.state, transfer.target.name || transfer.target.id) ?? verb;
    return html`<button
      type="button"
      class=${first ? "first" : ""}
      data-verb=${verb}
      ?disabled=${busy !== null || !this.live}
      aria-busy=${busy === verb}
      @click=${() => void this.press(verb)}
    >
      ${icons.verbs[verb]}<span>${label}</span>
    </button>`;
  }

  private async press(verb: Verb): Promise<void> {
    this.busy = verb;
    this.trouble = null;
    // First what was written: the target must have it when the caller comes.
    await this.send();
    const reply = await this.station.give(`transfer.${verb}`, { transfer: this.transfer.id });
    this.busy = null;
    this.trouble = reply.outcome === "done" ? null : reply;
  }

  // ------------------------------------------------------------ what he writes

  private fields(): TemplateResult {
    const { words } = this;
    const value = (text: Text) => this.typed[text] ?? this.transfer[text];
    return html`<div class="fields">
      <label>
        <span>${words.reason}</span>
        <input name="reason" maxlength="200" autocomplete="off" .value=${value("reason")} @input=${this.type} @change=${this.send} />
      </label>
      <label>
        <span>${words.disposition}</span>
        <input name="disposition" maxlength="200" autocomplete="off" .value=${value("disposition")} @input=${this.type} @change=${this.send} />
      </label>
      <label class="wide">
        <span>${words.note}</span>
        <textarea name="note" rows="3" maxlength="2000" .value=${value("note")} @input=${this.type} @change=${this.send}></textarea>
      </label>
      <p class="quiet saved wide" role="status" data-saving=${this.saving}>${words.saving[this.saving]}</p>
    </div>`;
  }

  private readonly type = (event: Event): void => {
    const { name, value } = event.target as HTMLInputElement;
    this.typed[name as Text] = value;
    this.saving = "saving";
    window.clearTimeout(this.typing);
    this.typing = window.setTimeout(() => void this.send(), TYPED);
  };

  private readonly send = async (): Promise<void> => {
    window.clearTimeout(this.typing);
    const fields = { ...this.typed };
    if (TEXTS.every((text) => fields[text] === undefined || fields[text] === this.transfer[text])) {
      if (this.saving === "saving") this.saving = "saved";
      return;
    }
    const reply = await this.station.give("transfer.annotate", { transfer: this.transfer.id, ...fields });
    const newer = TEXTS.some((text) => this.typed[text] !== undefined && this.typed[text] !== fields[text]);
    if (!newer) this.saving = reply.outcome === "done" ? "saved" : "failed";
  };
}

/** One line about a transfer that is over, until the agent has read it. */
export function ending(transfer: Transfer, words: Words, read: () => void): TemplateResult {
  const who = transfer.target.name || transfer.target.id;
  const text = words.transferOutcomes[transfer.outcome ?? ""]?.(who) ?? transfer.outcome ?? "";
  const why = transfer.why && transfer.outcome === "failed" ? words.because(transfer.why) : "";
  const callBack = transfer.outcome === "caller_left" && transfer.caller.number !== "";
  const tone = transfer.outcome === "completed" ? "ready" : transfer.outcome === "cancelled" ? "" : "paused";
  return html`<p class="ended ${tone}" role="status" data-ended=${transfer.outcome ?? ""}>
    <span>${said(text)}${why ? html` <small>${said(why)}</small>` : nothing}</span>
    ${callBack ? html`<span data-call-back>${words.callBack} ${said(transfer.caller.name ?? "")} ${number(transfer.caller.number)}</span>` : nothing}
    <button type="button" aria-label=${words.dismiss} @click=${read}>${icons.cross}</button>
  </p>`;
}

customElements.define("pbxd-transfer", TransferPanel);

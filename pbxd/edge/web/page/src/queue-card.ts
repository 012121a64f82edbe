// One queue: how many wait, how long already, and what its members do.

import { css, html, LitElement, nothing } from "lit";
import type { Member, Queue, SwitchLink } from "./desk";
import { look } from "./look";
import { number, said, stateChip } from "./parts";
import { duration, moment } from "./say";
import type { Language, Words } from "./words";

/** Callers listed by name; the others are only counted. */
const LISTED = 5;

/** The reason with which pbxd pauses who writes up his last call. */
const WRAP_UP = "pbxd:wrap-up";

/** Waits (seconds) from which the figure stands out, and stands out more. */
const LATE = 60;
const VERY_LATE = 180;

export class QueueCard extends LitElement {
  static override properties = {
    queue: { attribute: false },
    agent: { attribute: false },
    words: { attribute: false },
    now: { attribute: false },
    named: { attribute: false },
    language: { attribute: false },
    unheard: { attribute: false },
  };
  declare queue: Queue;
  declare agent: string;
  declare words: Words;
  declare now: number;
  /** Whether the node is told, because there is more than one. */
  declare named: boolean;
  declare language: Language;
  /** The link to the queue's switch when pbxd does not hear it, else null. */
  declare unheard: SwitchLink | null;

  static override styles = [
    look,
    css`
      section {
        padding: 1rem 1.1rem;
      }
      header {
        display: flex;
        align-items: baseline;
        justify-content: space-between;
        gap: 0.75rem;
      }
      h3 {
        font-size: 1.0625rem;
        min-width: 0;
      }
      .stale > :not(header) {
        opacity: 0.55;
        filter: saturate(0.4);
      }
      header .quiet {
        font-size: 0.875rem;
        text-align: end;
      }
      .figures {
        display: flex;
        align-items: baseline;
        gap: 0.5rem;
        margin-top: 0.35rem;
      }
      .count {
        font-size: 2rem;
        font-weight: 700;
        line-height: 1.1;
      }
      .longest {
        margin-inline-start: auto;
        text-align: end;
        font-size: 0.9375rem;
      }
      .longest b {
        font-size: 1.125rem;
      }
      .late b {
        color: var(--amber);
      }
      .very.late b {
        color: var(--red);
      }
      .callers {
        margin-top: 0.6rem;
        display: grid;
        gap: 0.25rem;
        font-size: 0.9375rem;
      }
      .callers li,
      .members li {
        display: flex;
        justify-content: space-between;
        gap: 0.75rem;
        align-items: center;
      }
      .members {
        margin-top: 0.75rem;
        padding-top: 0.6rem;
        border-top: 1px solid var(--line);
        display: grid;
        gap: 0.4rem;
      }
      .callers,
      .members {
        grid-template-columns: minmax(0, 1fr);
      }
      .callers .time,
      .who small,
      .members .chip {
        flex: none;
        white-space: nowrap;
      }
      .members .chip {
        max-width: 55%;
      }
      .who {
        display: flex;
        gap: 0.4rem;
        align-items: baseline;
        min-width: 0;
      }
      .members bdi {
        min-width: 0;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
    `,
  ];

  /** Until when the queue is known: nobody knows whether a caller still waits after the switch was lost. */
  private get until(): number {
    return Math.min(this.now, this.unheard?.since ?? this.now);
  }

  protected override render() {
    const { queue, words, unheard } = this;
    const longest = queue.longest_since === null ? null : this.until - queue.longest_since;
    const since = unheard?.since ?? null;
    const asOf = since === null ? "" : words.asOf(moment(since, this.now, this.language));
    return html`
      <section class="card ${unheard ? "stale" : ""}" aria-label=${`${words.queue} ${queue.name}`} data-queue=${queue.name}>
        <header>
          <h3>${said(queue.name)}</h3>
          <span class="quiet">
            ${this.named ? html`<span data-node>${said(queue.node ?? "")}</span>` : nothing}
            ${this.named && asOf ? "·" : nothing} ${asOf ? html`<span data-stale>${asOf}</span>` : nothing}
          </span>
        </header>
        ${queue.waiting === 0 || longest === null
          ? html`<p class="quiet figures">${words.nobodyWaits}</p>`
          : html`
              <p class="figures">
                <span class="count time" data-waiting>${queue.waiting}</span>
                <span class="quiet">${words.waiting(queue.waiting)}</span>
                <span class="longest ${longest >= VERY_LATE ? "very late" : longest >= LATE ? "late" : ""}">
                  <span class="quiet">${words.longest}</span> <b class="time" data-longest>${duration(longest)}</b>
                </span>
              </p>
              ${this.callers()}
            `}
        ${this.members()}
      </section>
    `;
  }

  private callers() {
    const { callers } = this.queue;
    if (callers.length === 0) return nothing;
    return html`<ol class="callers">
      ${callers.slice(0, LISTED).map(
        (caller) => html`<li>
          <span>${caller.number ? number(caller.number) : this.words.withheld}</span>
          <span class="time quiet">${duration(this.until - caller.since)}</span>
        </li>`,
      )}
      ${callers.length > LISTED ? html`<li class="quiet">+${callers.length - LISTED}</li>` : nothing}
    </ol>`;
  }

  private chip(member: Member) {
    const writes = member.paused && member.paused_reason === WRAP_UP && member.state === "ready";
    return stateChip(writes ? "wrapup" : member.state, member.paused, this.words);
  }

  private members() {
    const { words } = this;
    return html`<ul class="members" aria-label=${words.members}>
      ${this.queue.members.map(
        (member) => html`<li>
          <span class="who">
            ${said(member.name || member.interface)}
            ${member.name === this.agent ? html`<small class="quiet">${words.you}</small>` : nothing}
          </span>
          ${this.chip(member)}
        </li>`,
      )}
    </ul>`;
  }
}

customElements.define("pbxd-queue", QueueCard);

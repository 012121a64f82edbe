// The agent's own last contacts, asked for when the page opens and when a call is over.

import { css, html, LitElement, nothing } from "lit";
import * as icons from "./icons";
import { look } from "./look";
import { cell, number, outcomeChip, said, talked } from "./parts";
import { date, exact } from "./say";
import type { Language, Words } from "./words";

interface Row {
  call: string;
  number: string;
  name: string;
  arrived: number;
  queue: string | null;
  subject: string | null;
  outcome: string;
  talk_s: number;
}

const ROWS = 10;

export class RecentContacts extends LitElement {
  static override properties = {
    words: { attribute: false },
    language: { attribute: false },
    now: { attribute: false },
    rows: { state: true },
    missing: { state: true },
  };
  declare words: Words;
  declare language: Language;
  declare now: number;
  declare rows: Row[] | null;
  declare missing: boolean;

  static override styles = [
    look,
    css`
      section {
        padding: 1rem 1.4rem 1.1rem;
      }
      header {
        display: flex;
        align-items: center;
        justify-content: space-between;
      }
      h2 {
        font-size: 1.0625rem;
      }
      .scroll {
        overflow-x: auto;
      }
      .missing {
        color: var(--red);
        font-weight: 600;
      }
      small {
        display: block;
        font-size: 0.875rem;
      }
    `,
  ];

  constructor() {
    super();
    this.rows = null;
    this.missing = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.load();
  }

  async load(): Promise<void> {
    try {
      const answer = await fetch(`/api/contacts?limit=${ROWS}`, { signal: AbortSignal.timeout(10_000) });
      if (!answer.ok) throw new Error(String(answer.status));
      this.rows = ((await answer.json()) as { contacts: Row[] }).contacts;
      this.missing = false;
    } catch {
      this.missing = true;
    }
  }

  protected override render() {
    const { words } = this;
    return html`<section class="card" aria-label=${words.recent}>
      <header>
        <h2>${words.recent}</h2>
        <button class="bare" type="button" title=${words.refresh} aria-label=${words.refresh} @click=${() => void this.load()}>
          ${icons.refresh}
        </button>
      </header>
      ${this.missing ? html`<p class="missing" role="status">${words.recentMissing}</p>` : nothing} ${this.table()}
    </section>`;
  }

  private table() {
    const { words, language, rows } = this;
    if (rows === null) return nothing;
    if (rows.length === 0) return this.missing ? nothing : html`<p class="quiet">${words.recentNone}</p>`;
    return html`<div class="scroll" tabindex="0" role="region" aria-label=${words.recent}>
      <table>
        <thead>
          <tr>
            <th scope="col">${words.when}</th>
            <th scope="col">${words.caller}</th>
            <th scope="col">${words.queue}</th>
            <th scope="col">${words.subject}</th>
            <th scope="col">${words.outcome}</th>
            <th scope="col" class="end">${words.talked}</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) => html`<tr>
              <td class="time" title=${exact(row.arrived, language)}>${date(row.arrived, this.now, language, words)}</td>
              <td class="who">
                ${row.name ? said(row.name) : nothing}
                <small class="quiet">${row.number ? number(row.number) : words.withheld}</small>
              </td>
              <td>${row.queue ? said(row.queue) : words.direct}</td>
              ${cell(row.subject)}
              <td class="outcome">${outcomeChip(row.outcome, words)}</td>
              ${talked(row.talk_s)}
            </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
  }
}

customElements.define("pbxd-recent", RecentContacts);

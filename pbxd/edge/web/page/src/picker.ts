// To whom? A dialog that answers "who can solve this now", with the keyboard as quickly as with a mouse.

import { html, LitElement, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { Reply, TargetRow, Transferring } from "./desk";
import * as icons from "./icons";
import { look } from "./look";
import { field } from "./look-field";
import { said, stateChip } from "./parts";
import { pickerLook } from "./picker-look";
import { duration, outcomeOf, refusalOf } from "./say";
import type { Station } from "./station";
import type { Words } from "./words";

/** A pause in typing after which is searched (ms), and how old a list may get. */
const TYPED = 200;
const STALE = 4000;
/** As many as pbxd takes in one chain. */
const MOST = 8;

export class Picker extends LitElement {
  static override properties = {
    station: { attribute: false },
    words: { attribute: false },
    call: { attribute: false },
    who: { attribute: false },
    live: { attribute: false },
    rows: { state: true },
    missing: { state: true },
    chosen: { state: true },
    busy: { state: true },
    trouble: { state: true },
  };
  declare station: Station;
  declare words: Words;
  declare call: string;
  /** The caller, for people. */
  declare who: string;
  declare live: boolean;
  declare rows: TargetRow[] | null;
  declare missing: boolean;
  declare chosen: TargetRow[];
  declare busy: boolean;
  declare trouble: Reply | null;

  private query = "";
  private timer = 0;
  private asked = 0;

  static override styles = [look, field, pickerLook];

  constructor() {
    super();
    this.rows = null;
    this.missing = false;
    this.chosen = [];
    this.busy = false;
    this.trouble = null;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.clearTimeout(this.timer);
  }

  private get dialog(): HTMLDialogElement {
    return this.renderRoot.querySelector("dialog") as HTMLDialogElement;
  }

  open(): void {
    this.query = "";
    this.chosen = [];
    this.trouble = null;
    this.rows = null;
    for (const input of this.renderRoot.querySelectorAll<HTMLInputElement>("input, textarea")) input.value = "";
    this.dialog.showModal();
    this.renderRoot.querySelector<HTMLInputElement>("[type=search]")?.focus();
    void this.load();
  }

  close(): void {
    this.dialog.close();
  }

  private readonly search = (event: Event): void => {
    this.query = (event.target as HTMLInputElement).value.trim();
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.load(), TYPED);
  };

  /** Asks again and again while the dialog is open: who is free changes. */
  private async load(): Promise<void> {
    window.clearTimeout(this.timer);
    const asked = ++this.asked;
    const wanted = new URLSearchParams({ call: this.call, q: this.query });
    try {
      const answer = await fetch(`/api/targets?${wanted}`, { signal: AbortSignal.timeout(10_000) });
      if (!answer.ok) throw new Error(String(answer.status));
      const { targets } = (await answer.json()) as { targets: TargetRow[] };
      if (asked !== this.asked) return;
      this.rows = targets;
      this.missing = false;
    } catch {
      if (asked !== this.asked) return;
      this.missing = true;
    }
    if (this.isConnected && this.dialog.open) this.timer = window.setTimeout(() => void this.load(), STALE);
  }

  protected override render() {
    const { words } = this;
    return html`<dialog aria-labelledby="to-whom" @close=${() => window.clearTimeout(this.timer)} data-picker>
      <header>
        <h2 id="to-whom">${words.transferTo(this.who)}</h2>
        <button class="bare" type="button" aria-label=${words.close} title=${words.close} @click=${() => this.close()}>${icons.cross}</button>
      </header>
      <div class="search">
        <input
          type="search"
          aria-label=${words.searchTarget}
          placeholder=${words.searchTarget}
          autocomplete="off"
          spellcheck="false"
          @input=${this.search}
          @keydown=${this.downwards}
        />
      </div>
      <div class="list" @keydown=${this.along}>${this.list()}</div>
      <div class="write">
        <label><span>${words.reason}</span><input name="reason" maxlength="200" autocomplete="off" /></label>
        <label><span>${words.note}</span><textarea name="note" rows="1" maxlength="2000"></textarea></label>
      </div>
      <footer>
        ${this.limits()}
        <p class="chain" role="status" data-chain>${this.chain()}</p>
        ${this.trouble
          ? html`<p class="trouble" role="alert" data-trouble>${icons.warning}<span>${said(outcomeOf(this.trouble, words))}</span></p>`
          : nothing}
        <button class="bare" type="button" @click=${() => this.close()}>${words.close}</button>
        ${this.starts()}
      </footer>
    </dialog>`;
  }

  private get ready(): boolean {
    return this.chosen.length > 0 && !this.busy && this.live && this.can !== "none";
  }

  private get can(): Transferring {
    return this.station.transfersOf(this.call);
  }

  /** Why not everything can be done that could be done elsewhere. */
  private limits(): TemplateResult | typeof nothing {
    const { words, can } = this;
    if (can === "all") return nothing;
    const why = can === "blind" ? words.onlyAtOnce : words.refusals.not_prepared;
    return html`<p class="limits" data-limits=${can}>${icons.warning}<span>${why}</span></p>`;
  }

  /** How to begin: a mailbox is not talked with, and not every switch can have a caller wait meanwhile. */
  private starts(): TemplateResult {
    const { words } = this;
    const alone = this.can !== "all" || this.chosen[0]?.kind === "voicemail";
    const atOnce = html`<button
      class=${alone ? "push first" : "push"}
      type="button"
      data-blind
      ?disabled=${!this.ready}
      aria-busy=${alone && this.busy}
      @click=${() => void this.start("blind")}
    >
      ${words.sendAtOnce}
    </button>`;
    if (alone) return atOnce;
    return html`${atOnce}
      <button class="first" type="button" data-attended ?disabled=${!this.ready} aria-busy=${this.busy} @click=${() => void this.start("attended")}>
        ${icons.phone}<span>${words.consultFirst}</span>
      </button>`;
  }

  private chain(): string {
    const names = this.chosen.map((row) => row.name || row.id);
    return names.length === 0 ? this.words.chooseTarget : this.words.chain(names);
  }

  private list(): TemplateResult {
    const { words, rows } = this;
    if (this.missing) return html`<p class="none quiet" role="alert">${words.noAnswer}</p>`;
    if (rows === null) return html`<p class="none quiet">${words.searching}</p>`;
    if (rows.length === 0) return html`<p class="none quiet" data-nobody>${words.nobodyFound}</p>`;
    return html`<ul aria-label=${words.targets}>
      ${repeat(
        rows,
        (row) => `${row.kind} ${row.id}`,
        (row) => html`<li>${this.row(row)}</li>`,
      )}
    </ul>`;
  }

  private row(row: TargetRow): TemplateResult {
    const { words } = this;
    const turn = this.chosen.findIndex((each) => same(each, row)) + 1;
    const why = row.allowed ? said(plainly(row, words)) : said(refusalOf(row.code ?? "", row.why ?? "", words));
    const skills = Object.entries(row.skills ?? {});
    const told = row.allowed && plainly(row, words) === "" && skills.length === 0 ? nothing : why;
    return html`<button
      class="row"
      type="button"
      aria-pressed=${turn > 0}
      ?disabled=${!row.allowed && turn === 0}
      data-target=${`${row.kind}/${row.id}`}
      @click=${() => this.choose(row)}
    >
      <span class="turn" aria-hidden="true">${turn > 0 ? turn : icons.kinds[row.kind]}</span>
      <span class="name">${said(row.name || row.id)}<small>${words.kinds[row.kind]}</small></span>
      <span>${this.standing(row)}</span>
      ${told === nothing
        ? nothing
        : html`<span class="why">${told} ${skills.map(([skill, level]) => html`<span class="skill">${said(skill)} ${level}</span>`)}</span>`}
    </button>`;
  }

  private standing(row: TargetRow): TemplateResult {
    const { words } = this;
    if (row.kind === "agent" && row.state) return stateChip(row.state, row.state === "paused", words);
    if (row.kind === "outside" || row.kind === "voicemail") return html``;
    if (!row.allowed) return html`<span class="chip plain">${words.notNow}</span>`;
    const wait = row.expected_wait_s;
    if (wait !== null && wait > 0) return html`<span class="chip plain paused">${words.about(duration(wait))}</span>`;
    const free = row.free ?? 0;
    if (free > 0) return html`<span class="chip ready">${words.free(free)}</span>`;
    return html`<span class="chip plain paused">${wait === 0 ? words.free(1) : words.waitUnknown}</span>`;
  }

  private choose(row: TargetRow): void {
    const without = this.chosen.filter((each) => !same(each, row));
    if (without.length < this.chosen.length) this.chosen = without;
    else if (this.chosen.length < MOST) this.chosen = [...this.chosen, row];
  }

  /** From the search field into the list, and Enter takes the first who can be had. */
  private readonly downwards = (event: KeyboardEvent): void => {
    const first = this.renderRoot.querySelector<HTMLButtonElement>(".row:not(:disabled)");
    if (event.key === "ArrowDown") {
      event.preventDefault();
      first?.focus();
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      const row = this.rows?.find((each) => each.allowed);
      if (row && this.chosen.length === 0) this.choose(row);
      void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLButtonElement>("footer .first")?.focus());
    }
  };

  private readonly along = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const rows = [...this.renderRoot.querySelectorAll<HTMLButtonElement>(".row:not(:disabled)")];
    const at = rows.indexOf(this.shadowRoot?.activeElement as HTMLButtonElement) + step;
    if (at < 0) this.renderRoot.querySelector<HTMLInputElement>("[type=search]")?.focus();
    else rows[at]?.focus();
  };

  private async start(mode: "attended" | "blind"): Promise<void> {
    const written = (name: string) => this.renderRoot.querySelector<HTMLInputElement>(`[name=${name}]`)?.value ?? "";
    this.busy = true;
    this.trouble = null;
    const reply = await this.station.give("transfer.start", {
      call: this.call,
      targets: this.chosen.map(({ kind, id }) => ({ kind, id })),
      mode,
      reason: written("reason"),
      note: written("note"),
    });
    this.busy = false;
    if (reply.outcome === "done") {
      this.close();
      this.dispatchEvent(new CustomEvent("started"));
    } else {
      this.trouble = reply;
      void this.load();
    }
  }
}

/** What its chips do not say anyway. */
function plainly(row: TargetRow, words: Words): string {
  const why = row.why ?? "";
  return row.kind === "agent" || row.kind === "outside" || /^\d+ of \d+ free$/.test(why) ? "" : words.because(why);
}

function same(one: TargetRow, other: TargetRow): boolean {
  return one.kind === other.kind && one.id === other.id;
}

customElements.define("pbxd-picker", Picker);

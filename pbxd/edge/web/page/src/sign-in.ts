// The door: name and password, and what is wrong with them.

import { css, html, LitElement } from "lit";
import { look } from "./look";
import type { Words } from "./words";

export interface Me {
  agent: string;
  name: string;
  language: string;
  csrf: string;
  /** May see the wallboard. */
  supervises?: boolean;
}

type Trouble = (words: Words) => string;

export class SignIn extends LitElement {
  static override properties = {
    words: { attribute: false },
    busy: { state: true },
    trouble: { state: true },
  };
  declare words: Words;
  declare busy: boolean;
  declare trouble: Trouble | null;

  static override styles = [
    look,
    css`
      form {
        width: min(24rem, calc(100vw - 2rem));
        padding: 2rem;
        display: grid;
        gap: 1.1rem;
      }
      header {
        display: flex;
        align-items: center;
        gap: 0.75rem;
        margin-bottom: 0.25rem;
      }
      h1 {
        font-size: 1.25rem;
        line-height: 1.2;
      }
      label {
        display: grid;
        gap: 0.3rem;
        font-weight: 600;
        font-size: 0.9375rem;
      }
      input {
        font: inherit;
        font-weight: 400;
        color: inherit;
        min-height: 2.75rem;
        padding: 0 0.8rem;
        border: 1px solid var(--line-strong);
        border-radius: 10px;
        background: var(--ground);
        width: 100%;
      }
      button {
        min-height: 2.75rem;
        margin-top: 0.25rem;
      }
      .trouble {
        padding: 0.6rem 0.8rem;
        border-radius: 10px;
        background: var(--red-back);
        color: var(--red);
        font-weight: 600;
        font-size: 0.9375rem;
      }
    `,
  ];

  constructor() {
    super();
    this.busy = false;
    this.trouble = null;
  }

  override firstUpdated(): void {
    this.field("agent").focus();
  }

  private field(name: string): HTMLInputElement {
    return this.renderRoot.querySelector(`[name=${name}]`) as HTMLInputElement;
  }

  protected override render() {
    const words = this.words;
    return html`
      <form class="card" @submit=${this.submit} aria-busy=${this.busy}>
        <header>
          <slot name="mark"></slot>
          <div>
            <h1>${words.product}</h1>
            <p class="quiet">pbxd</p>
          </div>
        </header>
        <label>
          ${words.agent}
          <input name="agent" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="64" required />
        </label>
        <label>
          ${words.password}
          <input name="password" type="password" autocomplete="current-password" maxlength="256" required />
        </label>
        <div role="alert">${this.trouble ? html`<p class="trouble">${this.trouble(words)}</p>` : ""}</div>
        <button class="first" type="submit" ?disabled=${this.busy}>${this.busy ? words.signingIn : words.signIn}</button>
      </form>
    `;
  }

  private async submit(event: Event): Promise<void> {
    event.preventDefault();
    const agent = this.field("agent").value.trim();
    const password = this.field("password").value;
    if (!agent || !password || this.busy) return;
    this.busy = true;
    this.trouble = null;
    try {
      const answer = await fetch("/api/session", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ agent, password }),
        signal: AbortSignal.timeout(15_000),
      });
      if (answer.ok) {
        const me = (await answer.json()) as Me;
        this.dispatchEvent(new CustomEvent<Me>("signed-in", { detail: me }));
        return;
      }
      this.trouble = await troubleOf(answer);
    } catch {
      this.trouble = (words) => words.noAnswer;
    } finally {
      this.busy = false;
    }
    this.field("password").select();
  }
}

async function troubleOf(answer: Response): Promise<Trouble> {
  if (answer.status === 401) return (words) => words.wrongPassword;
  if (answer.status === 429) {
    const wait = Number(answer.headers.get("Retry-After") ?? 60);
    return (words) => words.tooMany(wait);
  }
  if (answer.status >= 500) return (words) => words.noAnswer;
  const text = await answer
    .json()
    .then((body: { error?: { text?: string } }) => body.error?.text ?? String(answer.status))
    .catch(() => String(answer.status));
  return (words) => words.refusedBy(text);
}

customElements.define("pbxd-sign-in", SignIn);

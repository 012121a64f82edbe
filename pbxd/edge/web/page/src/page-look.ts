// How the page is laid out: bar, banners, columns.

import { css } from "lit";

export const pageLook = css`
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
    white-space: nowrap;
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
  .banner .why {
    font-weight: 400;
    font-size: 0.875rem;
  }
  .of-before {
    opacity: 0.55;
    filter: saturate(0.4);
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
  .stray {
    padding: 1.1rem 1.4rem 1.4rem;
  }
  .stray pbxd-transfer {
    margin-top: 0.8rem;
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
  .callbacks {
    padding: 0.8rem 1rem;
  }
  .callbacks h2 {
    font-size: 1.0625rem;
  }
  .callbacks ul {
    list-style: none;
    padding: 0;
  }
  .callbacks li {
    display: flex;
    gap: 0.75rem;
    align-items: center;
    justify-content: space-between;
    padding: 0.35rem 0;
  }
  .callbacks small {
    display: block;
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
      flex-wrap: wrap;
    }
    .pause,
    .actions .first {
      flex: 1;
      min-width: 0;
    }
    .bar .push {
      margin-inline-start: 0;
    }
    .hide-narrow {
      display: none;
    }
  }
`;

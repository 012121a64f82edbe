// Fields to write in.

import { css } from "lit";

export const field = css`
  label {
    display: grid;
    gap: 0.3rem;
    font-weight: 600;
    font-size: 0.9375rem;
  }
  label > span {
    font-size: 0.8125rem;
    color: var(--soft);
  }
  input,
  textarea {
    font: inherit;
    font-weight: 400;
    color: inherit;
    min-height: 2.5rem;
    padding: 0.4rem 0.7rem;
    border: 1px solid var(--line-strong);
    border-radius: 10px;
    background: var(--ground);
    width: 100%;
  }
  textarea {
    resize: vertical;
    line-height: 1.4;
  }
`;

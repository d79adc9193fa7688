// Asking the server, which may be slow or away.

export class Away extends Error {}

export async function ask(url, { timeoutMs, ...options }) {
  let answer;
  try {
    answer = await fetch(url, { ...options, signal: AbortSignal.timeout?.(timeoutMs) });
  } catch (problem) {
    throw new Away(String(problem));
  }
  // Proxies say so when what is behind them is away; 503 is what we say without a database.
  if ([502, 503, 504].includes(answer.status)) throw new Away(String(answer.status));
  return answer;
}

// Who is logged in, null for nobody. A login in another window has made this form's token void: it gets the new one.
export async function whoIsHere(form) {
  const answer = await ask(form.dataset.here, { timeoutMs: 8000, headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Away(String(answer.status));
  const { user, token } = await answer.json();
  if (token) form.elements.csrfmiddlewaretoken.value = token;
  return user;
}

export async function hasArrived(form, formId) {
  const answer = await ask(`${form.dataset.here}?form=${encodeURIComponent(formId)}`, { timeoutMs: 8000 });
  return answer.ok && (await answer.json()).hasArrived === true;
}

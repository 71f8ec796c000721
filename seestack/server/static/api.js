// The documented API, with errors in words. All addresses are relative to the page.

export async function ask(path, { method = "GET", body } = {}) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  // Jupyter Server wants its own cookie repeated; elsewhere there is none.
  const xsrf = document.cookie.match(/(?:^|;\s*)_xsrf=([^;]+)/);
  if (xsrf) headers["X-XSRFToken"] = xsrf[1];
  let answer;
  try {
    answer = await fetch(`api/${path}`, {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Error("The server does not answer.");
  }
  const value = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(value.error?.message ?? `The server answered ${answer.status}.`);
  return value;
}

// Calls `show` with the numbers after each frame, and `lost` while there is no connection.
export function follow(show, lost) {
  const events = new EventSource("api/events");
  events.addEventListener("status", (event) => show(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    lost();
    if (events.readyState === EventSource.CLOSED) {
      setTimeout(() => follow(show, lost), 3000);
    }
  });
}

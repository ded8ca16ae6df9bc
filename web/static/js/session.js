// Who is signed in, in this browser. Another tab that signs in or out is followed.

import { emit } from "./bus.js";

const TOKEN = "chattergram.token";
const ME = "chattergram.me";

export const session = {
  token: localStorage.getItem(TOKEN),
  me: JSON.parse(localStorage.getItem(ME) ?? "null"),
};
if (!session.token || !session.me) session.token = session.me = null;

export function signedIn({ user, token }) {
  session.token = token;
  localStorage.setItem(TOKEN, token);
  setMe(user);
}

export function setMe(user) {
  session.me = user;
  localStorage.setItem(ME, JSON.stringify(user));
}

/** Forgets the token; `reason` is shown on the log-in page. What waits in the outbox stays for the next log-in. */
export function signedOut(reason = "") {
  if (!session.token) return;
  session.token = session.me = null;
  localStorage.removeItem(TOKEN);
  localStorage.removeItem(ME);
  emit("signed-out", reason);
}

window.addEventListener("storage", ({ key, newValue }) => {
  if (key === TOKEN && newValue !== session.token) location.assign("/");
  if (key === ME && newValue && session.token) {
    session.me = JSON.parse(newValue);
    emit("me");
  }
});

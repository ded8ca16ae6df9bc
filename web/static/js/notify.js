// Unread messages in the title, and notifications for those who want them.

import { on } from "./bus.js";
import { summary } from "./format.js";
import * as store from "./store.js";

const KEY = "chattergram.notifications";

export const possible = "Notification" in window;
export const wanted = () => possible && localStorage.getItem(KEY) === "on" && Notification.permission === "granted";

/** Answers whether they are on now; the browser may refuse. */
export async function setWanted(value) {
  if (value && (await Notification.requestPermission()) !== "granted") return false;
  localStorage.setItem(KEY, value ? "on" : "off");
  return value;
}

/** `title` of the page without the number; `open(person)` when a notification is clicked. */
export function startNotifying(title, open) {
  const draw = () => {
    const unread = store.totalUnread();
    document.title = unread ? `(${unread}) ${title()}` : title();
  };
  on("conversations", draw);
  on("opened", draw);
  on("incoming", (message) => {
    const sender = store.person(message.senderId);
    if (!wanted() || !sender || (document.visibilityState === "visible" && document.hasFocus())) return;
    // The tag keeps several tabs from showing the same message more than once.
    const shown = new Notification(sender.username, { body: summary(message, false), tag: message._id, icon: "/static/icon.svg" });
    shown.addEventListener("click", () => {
      window.focus();
      open(sender);
      shown.close();
    });
  });
}

// Whether those I speak to may read my words while I speak, as chosen on this device.

import { SHARING } from "./stored.js";

export const sharesWords = () => localStorage.getItem(SHARING) === "yes";

/** @param {boolean} isWanted */
export const setSharesWords = (isWanted) => localStorage.setItem(SHARING, isWanted ? "yes" : "no");

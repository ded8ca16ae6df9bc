// When each word of a transcript is spoken. A corrected text keeps the times of the words that stayed.

const LOST = 0.6; // below this confidence the recogniser was not sure
const CELLS = 4_000_000; // beyond it, aligning costs more than it gives

const plain = (word) => word.normalize("NFKC").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");

/** The words of `message.text`, in order: `{text, start, end, unsure}`; times in seconds, null where unknown. */
export function timedWords({ text, words = [] }) {
  const shown = text.split(/\s+/).filter(Boolean);
  const pairs = shown.length * words.length <= CELLS ? align(shown.map(plain), words.map(({ word }) => plain(word))) : [];
  const timed = shown.map((word) => ({ text: word, start: null, end: null, unsure: false }));
  for (const [at, heardAt] of pairs) {
    const { start, end, confidence } = words[heardAt];
    const unsure = typeof confidence === "number" && confidence < LOST;
    Object.assign(timed[at], { start, end, unsure });
  }
  if (words.length) interpolate(timed, words.at(-1).end);
  return timed;
}

/** Pairs of places that hold the same word: the longest common run of both. */
function align(shown, heard) {
  if (shown.length === heard.length && shown.every((word, index) => word === heard[index])) {
    return shown.map((_, index) => [index, index]);
  }
  const wide = heard.length + 1;
  const common = new Uint16Array((shown.length + 1) * wide);
  for (let row = shown.length - 1; row >= 0; row -= 1) {
    for (let column = heard.length - 1; column >= 0; column -= 1) {
      const both = shown[row] === heard[column] && shown[row] !== "";
      common[row * wide + column] = both
        ? common[(row + 1) * wide + column + 1] + 1
        : Math.max(common[(row + 1) * wide + column], common[row * wide + column + 1]);
    }
  }
  const pairs = [];
  for (let row = 0, column = 0; row < shown.length && column < heard.length; ) {
    if (shown[row] === heard[column] && shown[row] !== "") pairs.push([row++, column++]);
    else if (common[(row + 1) * wide + column] >= common[row * wide + column + 1]) row += 1;
    else column += 1;
  }
  return pairs;
}

/** Words that were put in share the time between their neighbours. */
function interpolate(timed, total) {
  for (let index = 0; index < timed.length; index += 1) {
    if (timed[index].start !== null) continue;
    let next = index;
    while (next < timed.length && timed[next].start === null) next += 1;
    const from = index ? timed[index - 1].end : 0;
    const until = next < timed.length ? timed[next].start : Math.max(total, from);
    const share = Math.max(0, until - from) / (next - index);
    for (let place = index; place < next; place += 1) {
      timed[place].start = from + share * (place - index);
      timed[place].end = timed[place].start + share;
    }
    index = next;
  }
}

/** The word spoken at that second: -1 before the first. A word is lit until the next begins, a second at most. */
export function wordAt(timed, second) {
  let low = 0;
  let high = timed.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timed[middle].start <= second) low = middle + 1;
    else high = middle;
  }
  const found = low - 1;
  return found >= 0 && timed[found].start !== null && second < timed[found].end + 1 ? found : -1;
}

const tokens = (text) => text.split(/\s+/).map(plain).filter(Boolean);

/** Whether a word is one of those searched for, or begins with it. */
export function matcher(query) {
  const wanted = tokens(query);
  return (word) => {
    const said = plain(word);
    return said !== "" && wanted.some((token) => said.startsWith(token));
  };
}

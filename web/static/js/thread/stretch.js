// Which rows of a long list to have in the page: those in view, and those near it as far as there is time to make them.

/** @typedef {{ first: number, end: number }} Stretch indexes, as those of an array's slice */

/**
 * The rows in view, and only if there is time for all of them also some that are near.
 * @param {Stretch} inView
 * @param {Stretch} near
 * @param {(index: number) => boolean} isMade
 * @param {{ show: number, make: number }} may how many rows to make: of those in view alone, and of all together
 * @returns {Stretch}
 */
export function stretchFor(inView, near, isMade, may) {
	const shown = beginning(inView, isMade, may.show);
	const isAll = shown.end - shown.first === inView.end - inView.first;
	return isAll ? affordable(inView, near, isMade, may.make) : shown;
}

/**
 * Grows from the rows in view towards the edges of what is near, the closest rows first, and stops on either side where
 * another row would have to be made but no more may be.
 * @param {Stretch} inView
 * @param {Stretch} near
 * @param {(index: number) => boolean} isMade
 * @param {number} limit rows to make; those in view are made even if they are more
 * @returns {Stretch}
 */
function affordable(inView, near, isMade, limit) {
	let { first, end } = inView;
	let left = limit - countMissing(inView, isMade);
	/** @param {number} index */
	const take = (index) => {
		if (isMade(index)) return true;
		left -= 1;
		return left >= 0;
	};
	let growsUp = true;
	let growsDown = true;
	while (growsUp || growsDown) {
		growsUp &&= first > near.first && take(first - 1);
		if (growsUp) first -= 1;
		growsDown &&= end < near.end && take(end);
		if (growsDown) end += 1;
	}
	return { first, end };
}

/**
 * As much of the rows in view as may be made: from the first one that is there already, or the topmost, in both directions.
 * @param {Stretch} inView
 * @param {(index: number) => boolean} isMade
 * @param {number} limit rows to make
 * @returns {Stretch}
 */
function beginning(inView, isMade, limit) {
	let from = inView.first;
	while (from < inView.end && !isMade(from)) from += 1;
	if (from === inView.end) from = inView.first;
	const end = Math.min(from + 1, inView.end);
	return affordable({ first: from, end }, inView, isMade, limit);
}

/**
 * @param {Stretch} stretch
 * @param {(index: number) => boolean} isMade
 */
function countMissing({ first, end }, isMade) {
	let missing = 0;
	for (let index = first; index < end; index += 1) if (!isMade(index)) missing += 1;
	return missing;
}

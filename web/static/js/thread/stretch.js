// Which rows of a long list to have in the page: all in view, and those near it as far as there is time to make them.

/** @typedef {{ first: number, end: number }} Stretch indexes, as those of an array's slice */

/**
 * Grows from the rows in view towards the edges of what is near, the closest rows first, and stops on either side where
 * another row would have to be made but no more may be.
 * @param {Stretch} inView
 * @param {Stretch} near
 * @param {(index: number) => boolean} isMade
 * @param {number} limit rows to make; those in view are made even if they are more
 * @returns {Stretch}
 */
export function affordable(inView, near, isMade, limit) {
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
 * @param {Stretch} stretch
 * @param {(index: number) => boolean} isMade
 */
function countMissing({ first, end }, isMade) {
	let missing = 0;
	for (let index = first; index < end; index += 1) if (!isMade(index)) missing += 1;
	return missing;
}

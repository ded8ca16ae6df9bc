// Lists that are sorted by `_id`.

/**
 * How many in a sorted list come before an id.
 * @param {{ _id: string }[]} list
 * @param {string} id
 */
export function countBefore(list, id) {
	let first = 0;
	let end = list.length;
	while (first < end) {
		const middle = (first + end) >> 1;
		if (list[middle]._id < id) first = middle + 1;
		else end = middle;
	}
	return first;
}

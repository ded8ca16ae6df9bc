// Not a module, since those come after the first paint.
{
	const apply = () => (document.documentElement.dataset.theme = localStorage["chattergram.theme"] ?? "system");
	apply();
	window.addEventListener("storage", apply); // chosen in another tab
}

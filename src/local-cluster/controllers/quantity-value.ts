const suffixes: Readonly<Record<string, number>> = {
	n: 1e-9,
	u: 1e-6,
	m: 1e-3,
	'': 1,
	k: 1e3,
	M: 1e6,
	G: 1e9,
	T: 1e12,
	P: 1e15,
	E: 1e18,
	Ki: 2 ** 10,
	Mi: 2 ** 20,
	Gi: 2 ** 30,
	Ti: 2 ** 40,
	Pi: 2 ** 50,
	Ei: 2 ** 60,
};

/**
 * The number that a Kubernetes quantity such as `500m`, `64Mi` or `1e3` means, in its base unit:
 * bytes, cores. What is no quantity counts as 0, because the API server has checked it.
 */
export function quantityValue(quantity: string | number): number {
	const match = /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([A-Za-z]*)$/.exec(String(quantity));
	const factor = suffixes[match?.[2] ?? ''];
	return match === null || factor === undefined ? 0 : Number(match[1]) * factor;
}

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
 * The value of a Kubernetes quantity: `500m`, `1Gi`, `0.5`, `1e3`, or a plain number.
 *
 * @returns undefined for text that is no quantity.
 */
export function parseQuantity(value: unknown): number | undefined {
	if (typeof value === 'number') return value;
	if (typeof value !== 'string') return undefined;
	const match = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/.exec(
		value,
	);
	if (match === null) return undefined;
	const [, digits = '', exponent = '', suffix = ''] = match;
	return Number(digits + exponent) * (suffixes[suffix] ?? Number.NaN);
}

/**
 * The same in its base unit, bytes or cores, of a quantity that the API server has checked; what is
 * none counts as 0.
 */
export function quantityValue(quantity: string | number): number {
	return parseQuantity(quantity) ?? 0;
}

/** Whether two quantities are one amount in other words: `1000m` and `1`. */
export function sameQuantity(one: unknown, other: unknown): boolean {
	const [a, b] = [parseQuantity(one), parseQuantity(other)];
	if (a === undefined || b === undefined) return false;
	return Math.abs(a - b) <= Math.abs(a) * 1e-12;
}

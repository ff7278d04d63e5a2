const binary = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const decimal = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const nano = 1_000_000_000n;

/**
 * The canonical form of a Kubernetes quantity: the largest suffix that leaves a whole number, in
 * the family (powers of 1000 or of 1024) that was written. `0.5` → `500m`, `1024Ki` → `1Mi`.
 *
 * @returns undefined for text that is not a quantity.
 */
export function canonicalQuantity(text: string): string | undefined {
	const parts = /^([+-]?)(\d+\.?\d*|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?$/.exec(
		text,
	);
	if (parts === null) return undefined;
	const [, sign = '', digits = '', suffix = ''] = parts;
	if (/^[eE][+-]?\d/.test(suffix)) return exponential(sign, digits, Number(suffix.slice(1)), text);
	const power = binary.indexOf(suffix);
	const value = nanos(digits) * (power < 0 ? 1n : 1024n ** BigInt(power + 1));
	if (power >= 0 && value % nano === 0n) return signed(sign, binaryText(value / nano));
	const scale = power < 0 ? decimal.indexOf(suffix) - 3 : 0;
	// Kubernetes rounds away from zero what is smaller than a nano.
	const scaled =
		scale >= 0 ? value * 1000n ** BigInt(scale) : ceilDiv(value, 1000n ** BigInt(-scale));
	return signed(sign, decimalText(scaled));
}

/** With an exponent that is a multiple of three, and as few digits before it as that leaves. */
function exponential(sign: string, digits: string, power: number, text: string): string {
	// Beyond what a quantity can hold nobody writes one.
	if (digits.includes('.') || Math.abs(power) > 18) return text;
	const shift = ((power % 3) + 3) % 3;
	const number = BigInt(digits) * 10n ** BigInt(shift);
	const [, whole = '0', zeros = ''] = /^(\d*?)((?:000)*)$/.exec(String(number)) ?? [];
	const exponent = power - shift + zeros.length;
	if (number === 0n) return '0';
	return exponent === 0 ? `${sign}${whole}` : signed(sign, `${whole}e${exponent}`);
}

function nanos(digits: string): bigint {
	const [whole = '', fraction = ''] = digits.split('.');
	const kept = fraction.slice(0, 9).padEnd(9, '0');
	const rest = /[1-9]/.test(fraction.slice(9)) ? 1n : 0n;
	return BigInt(whole || '0') * nano + BigInt(kept) + rest;
}

function ceilDiv(value: bigint, by: bigint): bigint {
	return (value + by - 1n) / by;
}

function binaryText(value: bigint): string {
	let rest = value;
	let power = -1;
	while (rest !== 0n && rest % 1024n === 0n && power < binary.length - 1) {
		rest /= 1024n;
		power += 1;
	}
	return `${rest}${binary[power] ?? ''}`;
}

function decimalText(value: bigint): string {
	if (value === 0n) return '0';
	let rest = value;
	let power = 0;
	while (rest % 1000n === 0n && power < decimal.length - 1) {
		rest /= 1000n;
		power += 1;
	}
	return `${rest}${decimal[power]}`;
}

function signed(sign: string, text: string): string {
	return sign === '-' && text !== '0' ? `-${text}` : text;
}

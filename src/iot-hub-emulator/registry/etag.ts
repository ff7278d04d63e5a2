import { randomInt } from 'node:crypto';
import { IotHubError } from '../iot-hub-error.ts';

/** A new entity tag of an identity, without quotes: base64 of a random number, as IoT Hub's look. */
export function newEtag(): string {
	return Buffer.from(String(randomInt(100_000_000, 999_999_999))).toString('base64');
}

/** The tag of a counter, for twins. */
export function etagOfCounter(counter: number): string {
	const bytes = Buffer.alloc(8);
	bytes.writeBigUInt64BE(BigInt(counter));
	return bytes.toString('base64');
}

/**
 * Compares an `If-Match` header with the current tag. The header may be quoted, weak, or `*`, also
 * in quotes as the Node SDK sends it.
 *
 * @throws IotHubError PreconditionFailed
 */
export function requireMatch(ifMatch: string | undefined, etag: string): void {
	if (ifMatch === undefined) return;
	const tags = ifMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
	const bare = tags.map((tag) => tag.replace(/^"(.*)"$/, '$1'));
	if (bare.includes('*') || bare.includes(etag)) return;
	throw new IotHubError('PreconditionFailed', 'Precondition failed: the entity has changed.');
}

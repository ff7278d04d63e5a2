import { type Identity, identityKey, parseIdentityKey } from './identity.ts';

/** Layers of edge devices that IoT Hub allows below each other, and what the lowest one is asked about. */
const maxEntries = 8;

/**
 * Reads an authentication chain, `target;…;edge2;edge1`: from whom somebody speaks for, or asks about,
 * up the edge devices above it to that of the edge hub that speaks (Azure IoT Edge, nested edge). The
 * target may be a module, `device/module`, and is then followed by its device.
 *
 * @returns undefined for what is no chain, or a longer one than there can be
 */
export function parseAuthChain(text: string): readonly Identity[] | undefined {
	const entries = text.split(';').filter((entry) => entry.trim() !== '');
	if (entries.length === 0 || entries.length > maxEntries) return undefined;
	const wellFormed = entries.every((entry, index) =>
		(index === 0 ? /^[^/]+(?:\/[^/]+)?$/ : /^[^/]+$/).test(entry),
	);
	return wellFormed ? entries.map(parseIdentityKey) : undefined;
}

export function formatAuthChain(chain: readonly Identity[]): string {
	return chain.map(identityKey).join(';');
}

/** The edge device whose hub speaks: the chain's end. */
export function actorOf(chain: readonly Identity[]): Required<Identity> | undefined {
	const last = chain.at(-1);
	return last === undefined ? undefined : { deviceId: last.deviceId, moduleId: '$edgeHub' };
}

/** Whether a chain that somebody claims is the beginning of the one that is known. */
export function isBeginningOf(claimed: readonly Identity[], known: readonly Identity[]): boolean {
	return (
		claimed.length <= known.length &&
		claimed.every((entry, index) => identityKey(entry) === identityKey(known[index] ?? entry))
	);
}

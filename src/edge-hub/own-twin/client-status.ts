import { type Identity, identityKey } from '../../protocol/identity.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';

/**
 * The name of a client under `clients` of `$edgeHub`'s reported properties: its identity key with
 * the characters escaped that names of properties may not have.
 */
export function clientProperty(identity: Identity): string {
	return identityKey(identity).replace(
		/[.$# ]/g,
		(character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
	);
}

/** The patch that tells of a client that has connected. */
export function connectedPatch(identity: Identity, now: number): JsonObject {
	const lastConnectedTimeUtc = new Date(now).toISOString();
	const status = { status: 'Connected', lastConnectedTimeUtc };
	return { clients: { [clientProperty(identity)]: status } };
}

/** The patch for one that has disconnected. Leaf devices are forgotten, so that the twin does not grow. */
export function disconnectedPatch(identity: Identity, now: number): JsonObject {
	const lastDisconnectedTimeUtc = new Date(now).toISOString();
	const status = { status: 'Disconnected', lastDisconnectedTimeUtc };
	const entry = identity.moduleId === undefined ? null : status;
	return { clients: { [clientProperty(identity)]: entry } };
}

/**
 * The patch that removes the clients of an earlier run of the hub; undefined when there are none.
 * @param known names of clients that this run has reported
 */
export function forgetClientsPatch(
	reported: JsonObject,
	known: ReadonlySet<string>,
): JsonObject | undefined {
	const { clients } = reported;
	if (!isJsonObject(clients)) return undefined;
	const names = Object.keys(clients).filter((name) => !known.has(name));
	if (names.length === 0) return undefined;
	return { clients: Object.fromEntries(names.map((name) => [name, null])) };
}

import type { JsonResponse } from '../../iot-hub-client/https-json.ts';
import type { ForwardedCall, ModuleCall } from '../../iot-hub-client/iot-hub-rest.ts';
import type { RegistryIdentity } from '../../iot-hub-client/registry-identity.ts';
import { actorOf, isBeginningOf, parseAuthChain } from '../../protocol/auth-chain.ts';
import { type Identity, identityKey } from '../../protocol/identity.ts';
import type { JsonValue } from '../../runtime/json.ts';
import { Refused } from './http-answer.ts';

/** What edge devices below this one ask of it in the place of IoT Hub. */
export interface EdgesBelow {
	/** The way from an identity up to this edge device; undefined for who is not below it. */
	chainOf(identity: Identity): readonly Identity[] | undefined;
	get(identity: Identity): RegistryIdentity | undefined;
	/** An edge device, the devices that have it as their parent, and the modules of all of them. */
	childrenOf(deviceId: string): readonly RegistryIdentity[];
	/** Reads one identity again. @throws EdgeError when IoT Hub cannot be asked */
	reload(identity: Identity): Promise<void>;
	/** @throws EdgeError EDGE_HUB_UNREACHABLE */
	forwardModuleCall(call: ModuleCall, forwarded: ForwardedCall): Promise<JsonResponse>;
}

/**
 * The device that a child edge hub speaks for: the beginning of the chain that it claims, which must
 * lead to it, and be a part of the way from that device up to this one.
 *
 * @param actor `$edgeHub` of the child, which has shown who it is
 * @throws Refused
 */
export function targetOfChain(
	edges: EdgesBelow,
	actor: Identity,
	authChain: JsonValue | undefined,
): Identity {
	const claimed = typeof authChain === 'string' ? parseAuthChain(authChain) : undefined;
	const [first] = claimed ?? [];
	if (claimed === undefined || first === undefined) {
		throw new Refused(400, `Invalid auth chain: ${JSON.stringify(authChain ?? null)}`);
	}
	const target = { deviceId: first.deviceId };
	const devices = first.moduleId === undefined ? claimed : claimed.slice(1);
	const known = edges.chainOf(target) ?? [];
	const isWay = devices.length > 0 && isBeginningOf(devices, known);
	if (isWay && actorOf(claimed)?.deviceId === actor.deviceId) return target;
	throw unauthorizedActor(actor, target);
}

/** Whether a child edge hub is between an identity and this edge device. */
export function isAbove(edges: EdgesBelow, actor: Identity, target: Identity): boolean {
	const way = edges.chainOf(target)?.slice(0, -1) ?? [];
	return way.some(
		({ deviceId, moduleId }) => moduleId === undefined && deviceId === actor.deviceId,
	);
}

export function unauthorizedActor(actor: Identity, target: Identity): Refused {
	const names = `${identityKey(actor)} not authorized to act OnBehalfOf ${identityKey(target)}`;
	return new Refused(401, names);
}

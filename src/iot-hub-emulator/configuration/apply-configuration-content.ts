import type { Identity } from '../../protocol/identity.ts';
import type { JsonObject } from '../../runtime/json.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { requireValidId } from '../registry/identity-body.ts';
import type { IdentityRegistry } from '../registry/identity-registry.ts';
import { newTwin, setDesired } from '../twin/twin.ts';
import type { Twins } from '../twin/twins.ts';
import { modulesContentFrom } from './configuration-content.ts';

/**
 * Applies a deployment to one IoT Edge device: desired properties of every module it names become
 * exactly what it says, module identities that are missing are made. Nothing is written when any
 * part of the content is not valid.
 *
 * @throws IotHubError DeviceNotFound, ArgumentInvalid, InvalidConfigurationContent
 */
export function applyConfigurationContent(
	hub: { readonly registry: IdentityRegistry; readonly twins: Twins },
	deviceId: string,
	body: unknown,
): void {
	const device = hub.registry.device(deviceId);
	if (!device.capabilities.iotEdge) {
		throw new IotHubError('ArgumentInvalid', 'The device is not an IoT Edge device.');
	}
	const content = modulesContentFrom(body);
	const missing = new Set<string>();
	for (const [moduleId, values] of content) {
		requireValidId(moduleId, 'module');
		const known = hub.registry.findModule({ deviceId, moduleId }) !== undefined;
		if (!known) missing.add(moduleId);
		requireAcceptable(hub.twins, { deviceId, moduleId }, known, values);
	}
	for (const moduleId of missing) {
		hub.registry.putModule({ deviceId, moduleId }, { managedBy: 'IotEdge' });
	}
	const wanted = [...content].map(
		([moduleId, values]) => [moduleId, { identity: { deviceId, moduleId }, values }] as const,
	);
	hub.twins.setDesired(new Map(wanted));
}

/** Tries the change on the twin, without keeping it. */
function requireAcceptable(
	twins: Twins,
	identity: Identity,
	known: boolean,
	values: JsonObject,
): void {
	const time = '';
	setDesired(known ? twins.get(identity) : newTwin(time), values, time);
}

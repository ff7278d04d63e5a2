import {
	formatRegistryIdentity,
	type RegistryIdentity,
} from '../../iot-hub-client/registry-identity.ts';
import type { Identity } from '../../protocol/identity.ts';
import type { JsonObject } from '../../runtime/json.ts';
import { isAbove, targetOfChain, unauthorizedActor } from './edges-below.ts';
import { type HttpAnswer, Refused } from './http-answer.ts';
import type { HttpCall } from './http-call.ts';
import { jsonBody } from './json-body.ts';
import { authenticationFault } from './request-credential.ts';

const maxPageSize = 100;

/**
 * `POST /devices/{edge}/modules/$edgeHub/devicesAndModulesInTargetDeviceScope`: what a child edge hub
 * must know to authenticate those below it. Answered from what this hub knows itself, so also without
 * the cloud.
 */
export async function listScope(call: HttpCall): Promise<HttpAnswer> {
	const { authChain, pageSize, continuationLink } = await askedByChild(call);
	const { edgesBelow } = call.options;
	const target = targetOfChain(edgesBelow, call.target, authChain);
	const all = edgesBelow.childrenOf(target.deviceId);
	const after = Buffer.from(String(continuationLink ?? ''), 'base64url').toString();
	const devices = all
		.filter(({ identity }) => identity.moduleId === undefined && identity.deviceId > after)
		.sort((a, b) => (a.identity.deviceId < b.identity.deviceId ? -1 : 1));
	const page = devices.slice(0, Math.min(Number(pageSize) || maxPageSize, maxPageSize));
	const ids = new Set(page.map(({ identity }) => identity.deviceId));
	const modules = all.filter(
		({ identity }) => identity.moduleId !== undefined && ids.has(identity.deviceId),
	);
	const last = page.at(-1)?.identity.deviceId ?? '';
	const more = devices.length > page.length;
	const next = more ? Buffer.from(last).toString('base64url') : null;
	return { status: 200, body: { ...documents([...page, ...modules]), continuationLink: next } };
}

/**
 * `POST /devices/{edge}/modules/$edgeHub/getDeviceAndModuleOnBehalfOf`: one identity, which is asked for
 * when it is new or has other keys. Read again above, where that can be reached.
 */
export async function getScopeIdentity(call: HttpCall): Promise<HttpAnswer> {
	const { targetDeviceId, targetModuleId } = await askedByChild(call);
	const { edgesBelow } = call.options;
	const target = identityOf(targetDeviceId, targetModuleId);
	await edgesBelow.reload(target).catch(() => {});
	if (!isAbove(edgesBelow, call.target, target)) throw unauthorizedActor(call.target, target);
	const device = edgesBelow.get({ deviceId: target.deviceId });
	const module = target.moduleId === undefined ? undefined : edgesBelow.get(target);
	const found = [device, module].filter((entry) => entry !== undefined);
	return { status: 200, body: documents(found) };
}

/** What is in the request, once it is clear that an edge hub has made it. @throws Refused */
async function askedByChild(call: HttpCall): Promise<JsonObject> {
	if (call.target.moduleId !== '$edgeHub') throw unauthorizedActor(call.target, call.target);
	const fault = await authenticationFault(call, call.target);
	if (fault !== undefined) throw new Refused(fault);
	return jsonBody(call.request);
}

function identityOf(deviceId: unknown, moduleId: unknown): Identity {
	if (typeof deviceId !== 'string' || deviceId === '') {
		throw new Refused(400, 'The request has no targetDeviceId.');
	}
	return typeof moduleId === 'string' && moduleId !== '' ? { deviceId, moduleId } : { deviceId };
}

function documents(entries: readonly RegistryIdentity[]): JsonObject {
	const of = (modules: boolean) =>
		entries
			.filter(({ identity }) => (identity.moduleId !== undefined) === modules)
			.map(formatRegistryIdentity);
	return { devices: of(false), modules: of(true) };
}

import type { ModuleCall } from '../../iot-hub-client/iot-hub-rest.ts';
import { formatAuthChain } from '../../protocol/auth-chain.ts';
import type { Identity } from '../../protocol/identity.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import { targetOfChain, unauthorizedActor } from './edges-below.ts';
import { type HttpAnswer, Refused, refusal } from './http-answer.ts';
import type { HttpCall } from './http-call.ts';
import { jsonBody, parsedJson } from './json-body.ts';
import { authenticationFault } from './request-credential.ts';

/** Methods of `/devices/{device}/modules/{module}` → what they are to who is asked next. */
const callOfMethod: Readonly<Record<string, ModuleCall>> = {
	PUT: 'putModuleOnBehalfOf',
	GET: 'getModuleOnBehalfOf',
	DELETE: 'deleteModuleOnBehalfOf',
};

/**
 * `PUT|GET|DELETE /devices/{device}/modules/{module}`, `GET /devices/{device}/modules`: the agent of an
 * edge device below this one manages its module identities as if this were IoT Hub. Handed on upwards.
 */
export async function manageModules(call: HttpCall): Promise<HttpAnswer> {
	const { request, target } = call;
	if (!request.url?.includes('api-version=')) return withoutVersion();
	const device = { deviceId: target.deviceId };
	await requireProof(call, device);
	const { moduleId } = target;
	if (moduleId === undefined) return forward(call, device, 'getModulesOnTargetDevice', {});
	const method = callOfMethod[request.method ?? ''] ?? 'getModuleOnBehalfOf';
	if (method !== 'putModuleOnBehalfOf') {
		return forward(call, device, method, { ...named(moduleId) });
	}
	const module = await jsonBody(request);
	if (module['deviceId'] !== device.deviceId || module['moduleId'] !== moduleId) {
		const reason = "Device Id or module Id doesn't match between request URI and body.";
		throw new Refused(400, reason);
	}
	return forward(call, device, method, { module });
}

/** The same from a child edge hub, whose own children have asked it. */
export function manageModulesOnBehalf(method: ModuleCall) {
	return async (call: HttpCall): Promise<HttpAnswer> => {
		if (call.target.moduleId !== '$edgeHub') throw unauthorizedActor(call.target, call.target);
		await requireProof(call, call.target);
		const { authChain, ...body } = await jsonBody(call.request);
		const device = targetOfChain(call.options.edgesBelow, call.target, authChain);
		if (method === 'putModuleOnBehalfOf' && deviceOf(body) !== device.deviceId) {
			throw new Refused(
				400,
				'Target device Id does not match between auth chain and request body.',
			);
		}
		return forward(call, device, method, body);
	};
}

async function requireProof(call: HttpCall, identity: Identity): Promise<void> {
	const fault = await authenticationFault(call, identity);
	if (fault !== undefined) throw new Refused(fault);
}

async function forward(
	{ request, options }: HttpCall,
	device: Identity,
	method: ModuleCall,
	body: JsonObject,
): Promise<HttpAnswer> {
	const { edgesBelow } = options;
	const chain = edgesBelow.chainOf(device);
	if (chain === undefined) return refusal(401, 'The device is not below this edge device.');
	const disabled = chain.find((each) => edgesBelow.get(each)?.enabled === false);
	if (disabled !== undefined) return refusal(401, `The device ${disabled.deviceId} is disabled.`);
	const authChain = formatAuthChain(chain);
	const ifMatch = request.headers['if-match'];
	try {
		const { status, text } = await edgesBelow.forwardModuleCall(method, {
			authChain,
			body,
			ifMatch,
		});
		const changed = moduleOf(device, body);
		if (changed !== undefined && status < 300) edgesBelow.reload(changed).catch(() => {});
		const answer = parsedJson(text);
		return answer === undefined ? { status } : { status, body: answer };
	} catch (error) {
		return refusal(503, messageOf(error));
	}
}

/** The two names under which Azure IoT Edge and IoT Hub have the module in such requests. */
function named(moduleId: string) {
	return { moduleId, targetModuleId: moduleId };
}

function moduleOf({ deviceId }: Identity, body: JsonObject): Identity | undefined {
	const module = isJsonObject(body['module']) ? body['module'] : body;
	const moduleId = module['moduleId'] ?? module['targetModuleId'];
	return typeof moduleId === 'string' ? { deviceId, moduleId } : undefined;
}

function deviceOf({ module }: JsonObject): unknown {
	return isJsonObject(module) ? module['deviceId'] : undefined;
}

function withoutVersion(): HttpAnswer {
	const headers = { 'iothub-errorcode': 'InvalidProtocolVersion' };
	return { ...refusal(400, 'The request has no api-version.'), headers };
}

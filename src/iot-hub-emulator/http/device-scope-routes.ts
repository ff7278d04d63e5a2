import { encodeStrict } from '../../protocol/sas-token.ts';
import { isJsonObject } from '../../runtime/json.ts';
import type { Hub } from '../hub.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { deviceAtChainStart } from '../registry/auth-chain.ts';
import { circumstancesOf } from '../registry/identity-circumstances.ts';
import { deviceDocument, moduleDocument } from '../registry/identity-document.ts';
import type { DeviceRecord, ModuleRecord } from '../registry/identity-record.ts';
import { scopeChildren, scopeMembers, scopePage } from '../registry/scope-page.ts';
import type { RouteContext } from './route-context.ts';

interface ScopeRoute {
	Params: { deviceId: string; moduleId: string };
	Querystring: {
		deviceCount?: string;
		continuationToken?: string;
		targetDeviceId?: string;
		targetModuleId?: string;
		'api-version'?: string;
	};
}

const maxPageSize = 100;

/** What an edge hub asks to authenticate the clients below it: identities with their keys. */
export function addDeviceScopeRoutes({ app, hub, authorization }: RouteContext): void {
	const { registry } = hub;
	const documents = documentsOf(hub);
	const base = '/devices/:deviceId/modules/:moduleId';

	app.get<ScopeRoute>(`${base}/devicesAndModulesInDeviceScope`, async (request) => {
		const { params, query } = request;
		authorization.requireIdentity(request, requireEdgeHub(params));
		const size = Math.min(Number(query.deviceCount) || maxPageSize, maxPageSize);
		const after = Buffer.from(query.continuationToken ?? '', 'base64url').toString();
		const members = scopeMembers(registry, registry.device(params.deviceId));
		const page = scopePage(registry, members.values(), { size, after });
		const answer = documents(page.devices, page.modules);
		if (page.next === undefined) return { ...answer, continuationLink: null };
		const token = Buffer.from(page.next).toString('base64url');
		const path = `/devices/${encodeStrict(params.deviceId)}/modules/${encodeStrict(params.moduleId)}/devicesAndModulesInDeviceScope`;
		const link = `${path}?deviceCount=${size}&continuationToken=${token}&api-version=${query['api-version']}`;
		return { ...answer, continuationLink: link };
	});
	app.get<ScopeRoute>(`${base}/deviceAndModuleInDeviceScope`, async (request) => {
		const { params, query } = request;
		authorization.requireIdentity(request, requireEdgeHub(params));
		const { targetDeviceId = '', targetModuleId = '' } = query;
		const edge = registry.device(params.deviceId);
		const device = scopeMembers(registry, edge).get(targetDeviceId);
		if (device === undefined) {
			throw new IotHubError('DeviceNotFound', 'The device is not in the scope.');
		}
		if (targetModuleId === '') return documents([device], []);
		const module = { deviceId: targetDeviceId, moduleId: targetModuleId };
		return documents([device], [registry.module(module)]);
	});
	addNestedScopeRoutes({ app, hub, authorization });
}

interface NestedRequest {
	authChain?: unknown;
	pageSize?: unknown;
	continuationLink?: unknown;
	targetDeviceId?: unknown;
	targetModuleId?: unknown;
}

/** The same for edge hubs further down, whose parents ask in their place. */
function addNestedScopeRoutes({ app, hub, authorization }: RouteContext): void {
	const { registry } = hub;
	const base = '/devices/:deviceId/modules/:moduleId';
	const documents = documentsOf(hub);

	app.post<ScopeRoute>(`${base}/devicesAndModulesInTargetDeviceScope`, async (request) => {
		authorization.requireIdentity(request, requireEdgeHub(request.params));
		const { authChain, pageSize, continuationLink } = nestedRequestOf(request.body);
		const target = deviceAtChainStart(registry, authChain, request.params.deviceId);
		const size = Math.min(Number(pageSize) || maxPageSize, maxPageSize);
		const after = Buffer.from(String(continuationLink ?? ''), 'base64url').toString();
		const page = scopePage(registry, scopeChildren(registry, target), { size, after });
		const next = page.next === undefined ? null : Buffer.from(page.next).toString('base64url');
		return { ...documents(page.devices, page.modules), continuationLink: next };
	});
	app.post<ScopeRoute>(`${base}/getDeviceAndModuleOnBehalfOf`, async (request) => {
		authorization.requireIdentity(request, requireEdgeHub(request.params));
		const { authChain, targetDeviceId, targetModuleId } = nestedRequestOf(request.body);
		const start = deviceAtChainStart(registry, authChain, request.params.deviceId);
		const deviceId = String(targetDeviceId ?? start.deviceId);
		const target =
			deviceId === start.deviceId ? start : scopeMembers(registry, start).get(deviceId);
		if (target === undefined) {
			throw new IotHubError('DeviceNotFound', 'The device is not in the scope.');
		}
		if (!targetModuleId) return documents([target], []);
		return documents([target], [registry.module({ deviceId, moduleId: String(targetModuleId) })]);
	});
}

function documentsOf(hub: Hub) {
	return (devices: readonly DeviceRecord[], modules: readonly ModuleRecord[]) => ({
		devices: devices.map((device) => deviceDocument(device, circumstancesOf(hub, device))),
		modules: modules.map((module) => moduleDocument(module, circumstancesOf(hub, module))),
	});
}

function nestedRequestOf(body: unknown): NestedRequest {
	if (isJsonObject(body)) return body;
	throw new IotHubError('ArgumentInvalid', 'The body is not a JSON object.');
}

/** Only the hub of an edge device may ask for others. */
export function requireEdgeHub(module: { readonly deviceId: string; readonly moduleId: string }) {
	if (module.moduleId === '$edgeHub') return module;
	throw new IotHubError('ArgumentInvalid', 'Only $edgeHub has a device scope.');
}

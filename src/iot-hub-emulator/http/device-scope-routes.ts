import { encodeStrict } from '../../protocol/sas-token.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { circumstancesOf } from '../registry/identity-circumstances.ts';
import { deviceDocument, moduleDocument } from '../registry/identity-document.ts';
import type { DeviceRecord, ModuleRecord } from '../registry/identity-record.ts';
import { scopeMembers, scopePage } from '../registry/scope-page.ts';
import type { RouteContext } from './http-head.ts';

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
	const documents = (devices: readonly DeviceRecord[], modules: readonly ModuleRecord[]) => ({
		devices: devices.map((device) => deviceDocument(device, circumstancesOf(hub, device))),
		modules: modules.map((module) => moduleDocument(module, circumstancesOf(hub, module))),
	});
	const base = '/devices/:deviceId/modules/:moduleId';

	app.get<ScopeRoute>(`${base}/devicesAndModulesInDeviceScope`, async (request) => {
		const { params, query } = request;
		authorization.requireIdentity(request, requireEdgeHub(params));
		const size = Math.min(Number(query.deviceCount) || maxPageSize, maxPageSize);
		const after = Buffer.from(query.continuationToken ?? '', 'base64url').toString();
		const page = scopePage(registry, params.deviceId, size, after);
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
}

function requireEdgeHub(module: { readonly deviceId: string; readonly moduleId: string }) {
	if (module.moduleId === '$edgeHub') return module;
	throw new IotHubError('ArgumentInvalid', 'Only $edgeHub has a device scope.');
}

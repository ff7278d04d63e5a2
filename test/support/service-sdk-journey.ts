/**
 * A journey through the unmodified service SDK, in a process of its own: the preload that lets it use
 * a host name with a port is for whole processes. Prints what it has seen as JSON.
 */
import hub from 'azure-iothub';

const connection = process.env['IOTHUB_CONNECTION_STRING'] ?? '';
const registry = hub.Registry.fromConnectionString(connection);
const seen: Record<string, unknown> = {};

async function failure(call: Promise<unknown>): Promise<string> {
	try {
		await call;
		return 'none';
	} catch (error) {
		return (error as Error).name;
	}
}

const { responseBody: created } = await registry.create({ deviceId: 'dev1' });
seen['keys'] = created.authentication?.symmetricKey?.primaryKey?.length;
seen['again'] = await failure(registry.create({ deviceId: 'dev1' }));
seen['missing'] = await failure(registry.get('none'));
await registry.create({ deviceId: 'edge1', capabilities: { iotEdge: true } });
seen['devices'] = (await registry.list()).responseBody.map(({ deviceId }) => deviceId);
seen['bulk'] = (
	await registry.addDevices([{ deviceId: 'bulk1' }, { deviceId: 'bulk2' }])
).responseBody.isSuccessful;
await registry.removeDevices([{ deviceId: 'bulk1' }, { deviceId: 'bulk2' }], true);
seen['disabled'] = (
	await registry.update({ ...created, deviceId: 'dev1', status: 'disabled' })
).responseBody.status;

await registry.addModule({ deviceId: 'edge1', moduleId: 'm$1' });
const { responseBody: module } = await registry.getModule('edge1', 'm$1');
seen['staleModule'] = await failure(registry.updateModule({ ...module, etag: 'other' } as never));
seen['updated'] = (
	(await registry.updateModule({ ...module, managedBy: 'me' } as never)) as never as {
		responseBody: { managedBy: string };
	}
).responseBody.managedBy;
await registry.applyConfigurationContentOnDevice('edge1', {
	modulesContent: {
		$edgeAgent: { 'properties.desired': { schemaVersion: '1.1' } },
		filter: { 'properties.desired': { threshold: 5 } },
	},
});
seen['modules'] = (await registry.getModulesOnDevice('edge1')).responseBody.map(
	({ moduleId }) => moduleId,
);
await registry.removeModule('edge1', 'm$1');

const { responseBody: twin } = await registry.getModuleTwin('edge1', 'filter');
seen['applied'] = twin.properties.desired;
await twin.update({ properties: { desired: { threshold: 7 } }, tags: { site: 'a' } });
seen['twin'] = [
	twin.tags,
	twin.properties.desired['threshold'],
	twin.properties.desired['$version'],
];
const stale = registry.updateModuleTwin('edge1', 'filter', { tags: {} }, 'AAAAAAAAAAE=');
seen['staleTwin'] = await failure(stale);

const client = hub.Client.fromConnectionString(connection);
const call = client.invokeDeviceMethod('edge1', 'filter', { methodName: 'm' });
seen['offline'] = await failure(call);
seen['statistics'] = (await registry.getRegistryStatistics()).responseBody.totalDeviceCount;
await registry.delete('dev1');
process.stdout.write(JSON.stringify(seen));
process.exit();

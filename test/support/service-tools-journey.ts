/**
 * What fleets are managed with, by the unmodified service SDK, in a process of its own: the preload
 * that lets it use a host name with a port is for whole processes. Prints what it has seen as JSON.
 */
import hub from 'azure-iothub';
import { until } from './until.ts';

interface RegistryJob {
	readonly jobId: string;
	readonly type: string;
	readonly status: string;
}

const connection = process.env['IOTHUB_CONNECTION_STRING'] ?? '';
const registry = hub.Registry.fromConnectionString(connection);
const jobs = hub.JobClient.fromConnectionString(connection);
const seen: Record<string, unknown> = {};

async function failure(call: Promise<unknown>): Promise<string> {
	try {
		await call;
		return 'none';
	} catch (error) {
		return (error as Error).name;
	}
}

// The SDK's errors hold the whole connection: too much for anybody to read.
process.on('uncaughtException', (error) => {
	process.stderr.write(error.stack ?? error.message);
	process.exit(1);
});

for (const deviceId of ['edge1', 'edge2', 'edge3']) {
	await registry.create({ deviceId, capabilities: { iotEdge: true } });
	await registry.updateTwin(deviceId, { tags: { stage: deviceId } }, '*');
}

const query = registry.createQuery('SELECT * FROM devices WHERE capabilities.iotEdge = true', 2);
const pages: string[][] = [];
while (query.hasMoreResults) {
	const { result } = await query.nextAsTwin();
	pages.push(result.map(({ deviceId }) => deviceId));
}
seen['pages'] = pages;
const counted = registry.createQuery('SELECT COUNT() AS n FROM devices.modules');
seen['count'] = (await counted.next()).result;
seen['badQuery'] = await failure(registry.createQuery('SELECT nothing').next() as Promise<unknown>);

const configuration = {
	id: 'dep1',
	content: {
		modulesContent: { $edgeAgent: { 'properties.desired': { schemaVersion: '1.1' } } },
	},
	targetCondition: "tags.stage = 'edge2'",
	priority: 1,
};
await registry.addConfiguration(configuration as never);
seen['again'] = await failure(registry.addConfiguration(configuration as never));
const { responseBody: stored } = await registry.getConfiguration('dep1');
seen['metrics'] = (stored as { systemMetrics?: { results?: unknown } }).systemMetrics?.results;
const changed = { ...stored, priority: 7 };
await registry.updateConfiguration(changed as never, true);
seen['configurations'] = (await registry.getConfigurations()).responseBody.map(
	({ id, priority }) => [id, priority],
);
const agent = (await registry.getModuleTwin('edge2', '$edgeAgent')).responseBody;
seen['deployed'] = agent.properties.desired['schemaVersion'];
await registry.removeConfiguration('dep1');
seen['removed'] = await failure(registry.getConfiguration('dep1'));

await jobs.scheduleTwinUpdate('job1', "deviceId = 'edge1'", { etag: '*', tags: { by: 'job' } });
seen['job'] = await until(async () => {
	const { status } = (await jobs.getJob('job1')).jobStatus;
	return (status === 'completed' || status === 'failed') && status;
});
const listed = await jobs.createQuery('scheduleUpdateTwin', 'completed' as never).next();
seen['jobs'] = (listed.result as { jobId: string }[]).map(({ jobId }) => jobId);
seen['tags'] = (await registry.getTwin('edge1')).responseBody.tags;
const later = new Date(Date.now() + 3_600_000);
await jobs.scheduleDeviceMethod('job2', '*', { methodName: 'm' } as never, later, 60);
seen['cancelled'] = (await jobs.cancelJob('job2')).jobStatus.status;

const container = process.env['REGISTRY_CONTAINER'] ?? '';
const exported = (await registry.exportDevicesToBlob(container, true)) as unknown as RegistryJob;
seen['export'] = [exported.type, exported.status];
const imported = (await registry.importDevicesFromBlob(
	container,
	container,
)) as unknown as RegistryJob;
seen['import'] = await until(async () => {
	const { status } = (await registry.getJob(imported.jobId)) as unknown as RegistryJob;
	return (status === 'completed' || status === 'failed') && status;
});
const { responseBody: history } = (await registry.listJobs()) as unknown as {
	responseBody: RegistryJob[];
};
seen['registryJobs'] = history.length;
seen['cancelOfEnded'] = await failure(registry.cancelJob(imported.jobId));

const credentials = new hub.IoTHubTokenCredentials(connection);
const twins = new hub.DigitalTwinClient(credentials);
await twins.updateDigitalTwin('edge1', [{ op: 'add', path: '/mode', value: 'eco' }] as never);
const digital = (await twins.getDigitalTwin('edge1')) as never as { $dtId: string };
seen['digital'] = digital.$dtId;
seen['statistics'] = (await registry.getRegistryStatistics()).responseBody.totalDeviceCount;
process.stdout.write(JSON.stringify(seen));
process.exit();

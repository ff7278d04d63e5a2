/**
 * One call of the unmodified service SDK, in a process of its own: the preload that maps ports is
 * for whole processes. Reads a request from the command line, prints the answer as JSON.
 */
import hub from 'azure-iothub';

type Request =
	| { readonly call: 'apply'; readonly deviceId: string; readonly content: object }
	| {
			readonly call: 'method';
			readonly deviceId: string;
			readonly moduleId: string;
			readonly name: string;
			readonly payload: unknown;
	  }
	| { readonly call: 'twin'; readonly deviceId: string; readonly moduleId: string }
	| {
			readonly call: 'roll-keys';
			readonly deviceId: string;
			readonly keys: readonly [string, string];
	  }
	| {
			readonly call: 'update-twin';
			readonly deviceId: string;
			readonly moduleId: string;
			readonly desired: object;
	  };

const connection = process.env['IOTHUB_CONNECTION_STRING'] ?? '';
const registry = hub.Registry.fromConnectionString(connection);
const request = JSON.parse(process.argv[2] ?? '') as Request;
process.stdout.write(JSON.stringify(await answer(request)) ?? 'null');

async function answer(asked: Request): Promise<unknown> {
	const { deviceId } = asked;
	switch (asked.call) {
		case 'apply':
			await registry.applyConfigurationContentOnDevice(deviceId, asked.content as never);
			return {};
		case 'method': {
			const client = hub.Client.fromConnectionString(connection);
			const params = {
				methodName: asked.name,
				payload: asked.payload,
				responseTimeoutInSeconds: 20,
			};
			const { result } = await client.invokeDeviceMethod(deviceId, asked.moduleId, params);
			return result;
		}
		case 'twin': {
			const { responseBody: twin } = await registry.getModuleTwin(deviceId, asked.moduleId);
			return twin.properties;
		}
		case 'roll-keys': {
			const [primaryKey, secondaryKey] = asked.keys;
			const { responseBody: device } = await registry.get(deviceId);
			const authentication = { type: 'sas', symmetricKey: { primaryKey, secondaryKey } };
			await registry.update({ ...device, authentication } as never);
			return {};
		}
		case 'update-twin': {
			const { responseBody: twin } = await registry.getModuleTwin(deviceId, asked.moduleId);
			const patch = { properties: { desired: asked.desired } };
			await twin.update(patch);
			return twin.properties;
		}
	}
}

import { createRequire } from 'node:module';
import type * as device from 'azure-iot-device';
import type * as iothub from 'azure-iothub';
import { EdgeError } from '../../runtime/edge-error.ts';
import type { JsonObject } from '../../runtime/json.ts';
import { exitCode } from '../exit-code.ts';
import { checkManifestFile } from '../manifest-check.ts';
import { countProblems, formatProblems, hasErrors } from '../problem-list.ts';
import type { Terminal } from '../terminal.ts';
import { type HubOptions, readText } from './hub-access.ts';
import { printResult, type ResultOptions } from './hub-result.ts';
import {
	asked,
	jsonArgument,
	objectArgument,
	openHub,
	targetOf,
	understood,
} from './hub-session.ts';

/** Shows the twin of a device or module. */
export async function showTwin(
	id: string,
	options: HubOptions,
	terminal: Terminal,
): Promise<number> {
	const { registry } = await openHub(options);
	const { deviceId, moduleId } = targetOf(id);
	const twin =
		moduleId === undefined
			? await asked(registry.getTwin(deviceId))
			: await asked(registry.getModuleTwin(deviceId, moduleId));
	terminal.write(`${JSON.stringify(twin, null, 2)}\n`);
	return exitCode.ok;
}

/** Changes desired properties or tags; null removes one. */
export async function updateTwin(
	id: string,
	options: HubOptions & { readonly desired?: string; readonly tags?: string },
	terminal: Terminal,
): Promise<number> {
	const { desired, tags } = options;
	if (desired === undefined && tags === undefined) {
		throw new EdgeError('EDGE_OPTION_MISSING', 'Give --desired or --tags.');
	}
	const patch: JsonObject = {
		...(desired === undefined
			? {}
			: { properties: { desired: objectArgument(desired, '--desired') } }),
		...(tags === undefined ? {} : { tags: objectArgument(tags, '--tags') }),
	};
	const { registry } = await openHub(options);
	const { deviceId, moduleId } = targetOf(id);
	const twin =
		moduleId === undefined
			? await asked(registry.updateTwin(deviceId, patch, '*'))
			: await asked(registry.updateModuleTwin(deviceId, moduleId, patch, '*'));
	terminal.write(`${JSON.stringify(twin, null, 2)}\n`);
	return exitCode.ok;
}

/** Calls a direct method. Exit code 1 when the target answers with a status from 400 on. */
export async function invokeMethod(
	id: string,
	methodName: string,
	options: HubOptions & { readonly payload?: string; readonly timeout: number },
	terminal: Terminal,
): Promise<number> {
	const { access, sdk } = await openHub(options);
	const payload = options.payload === undefined ? null : jsonArgument(options.payload, '--payload');
	const seconds = Math.ceil(options.timeout / 1000);
	const params: iothub.DeviceMethodParams = {
		methodName,
		payload,
		responseTimeoutInSeconds: seconds,
		connectTimeoutInSeconds: seconds,
	};
	const client = sdk.Client.fromConnectionString(access.connectionString);
	const { deviceId, moduleId } = targetOf(id);
	const { result } = await understood(
		moduleId === undefined
			? client.invokeDeviceMethod(deviceId, params)
			: client.invokeDeviceMethod(deviceId, moduleId, params),
	);
	terminal.write(`${JSON.stringify(result, null, 2)}\n`);
	return result.status >= 400 ? exitCode.failed : exitCode.ok;
}

/** Sets the deployment of an IoT Edge device, after checking it. */
export async function setModules(
	deviceId: string,
	file: string,
	options: HubOptions & ResultOptions,
	terminal: Terminal,
): Promise<number> {
	const { content, problems } = await checkManifestFile(file);
	if (problems.length > 0)
		terminal.note(`${formatProblems(file, problems, terminal).join('\n')}\n`);
	if (content === undefined || hasErrors(problems)) {
		terminal.note(`Nothing was set: ${countProblems(problems)}.\n`);
		return exitCode.badInput;
	}
	const { registry } = await openHub(options);
	const configuration = content as unknown as iothub.ConfigurationContent;
	await understood(registry.applyConfigurationContentOnDevice(deviceId, configuration));
	const modules = Object.keys((content['modulesContent'] ?? {}) as object);
	const rows = modules.map((module) => [module]);
	printResult({ deviceId, modules }, { headings: ['SET'], rows }, options, terminal);
	return exitCode.ok;
}

/** The service SDK takes the messages of the device SDK; its own class is not exported. */
function newMessage(text: string): device.Message {
	const { Message }: typeof device = createRequire(import.meta.url)('azure-iot-device');
	return new Message(text);
}

/** Sends a cloud-to-device message. */
export async function sendToDevice(
	deviceId: string,
	text: string,
	options: HubOptions & ResultOptions & { readonly property?: readonly string[] },
	terminal: Terminal,
): Promise<number> {
	const { access, sdk } = await openHub(options);
	// `@file` is the content of a file, as with curl.
	const message = newMessage(text.startsWith('@') ? await readText(text.slice(1)) : text);
	for (const assignment of options.property ?? []) {
		const equals = assignment.indexOf('=');
		if (equals < 1) {
			const where = '--property';
			throw new EdgeError('EDGE_SETTING_INVALID', 'Give name=value.', { where });
		}
		message.properties.add(assignment.slice(0, equals), assignment.slice(equals + 1));
	}
	const client = sdk.Client.fromConnectionString(access.connectionString);
	try {
		await understood(client.open());
		await understood(
			client.send(deviceId, message as unknown as Parameters<typeof client.send>[1]),
		);
	} finally {
		await client.close();
	}
	const sent = { deviceId, bytes: Buffer.byteLength(message.getData() as Buffer) };
	const rows = [[deviceId, String(sent.bytes)]];
	printResult(sent, { headings: ['SENT TO', 'BYTES'], rows }, options, terminal);
	return exitCode.ok;
}

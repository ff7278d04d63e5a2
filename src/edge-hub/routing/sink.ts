/** Where a route leads. */
export type Sink =
	| { readonly kind: 'upstream' }
	| { readonly kind: 'module-input'; readonly moduleId: string; readonly input: string };

/** INTO as written: a name with its `$`, or a function and what stands between the quotes. */
export type SinkText =
	| { readonly system: string }
	| { readonly function: string; readonly parameter: string };

/** A sink that does not exist, and why. */
export interface SinkFault {
	readonly fault: string;
}

/** A system endpoint, by its name with `$`: only `$upstream`, in any case. */
export function systemSink(name: string): Sink | SinkFault {
	if (name.toLowerCase() === '$upstream') return { kind: 'upstream' };
	return { fault: `There is no endpoint '${name}'; the cloud is $upstream.` };
}

/** A function endpoint: only `BrokeredEndpoint("/modules/{module}/inputs/{input}")`. */
export function functionSink(name: string, parameter: string): Sink | SinkFault {
	if (name.toLowerCase() !== 'brokeredendpoint') {
		return { fault: `There is no endpoint '${name}'; modules are reached by BrokeredEndpoint.` };
	}
	const path = parameter.trim().replace(/^\//, '').replace(/\/$/, '');
	const parts = path.split('/');
	const [, moduleId = '', , input = ''] = parts;
	if (parts.length !== 4 || moduleId === '' || input === '') {
		return { fault: `'${parameter}' is not of the form /modules/{module}/inputs/{input}.` };
	}
	return { kind: 'module-input', moduleId, input };
}

/**
 * The endpoint of a sink: `iothub`, or `{deviceId}/{moduleId}/{input}`. Sinks with equal ids share
 * one endpoint.
 */
export function endpointId(sink: Sink, edgeDeviceId: string): string {
	if (sink.kind === 'upstream') return 'iothub';
	return `${edgeDeviceId}/${sink.moduleId}/${sink.input}`;
}

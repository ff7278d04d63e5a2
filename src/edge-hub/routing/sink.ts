/** Where a route leads. */
export type Sink =
	| { readonly kind: 'upstream' }
	| { readonly kind: 'module-input'; readonly moduleId: string; readonly input: string };

/** The endpoint of a sink: `iothub`, or `{deviceId}/{moduleId}/{input}`. Sinks with equal ids share one endpoint. */
export function endpointId(sink: Sink, edgeDeviceId: string): string {
	if (sink.kind === 'upstream') return 'iothub';
	return `${edgeDeviceId}/${sink.moduleId}/${sink.input}`;
}

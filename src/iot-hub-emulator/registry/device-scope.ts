/** Scope of an IoT Edge device, which its child devices name: `ms-azure-iot-edge://edge1-638…`. */
export function deviceScopeOf(deviceId: string, generationId: string): string {
	return `ms-azure-iot-edge://${deviceId}-${generationId}`;
}

const form = /^ms-azure-iot-edge:\/\/(.+)-([^-]+)$/;

/** The device and generation that a scope names, undefined where it has another form. */
export function parseDeviceScope(
	scope: string,
): { readonly deviceId: string; readonly generationId: string } | undefined {
	const [, deviceId, generationId] = form.exec(scope) ?? [];
	return deviceId && generationId ? { deviceId, generationId } : undefined;
}

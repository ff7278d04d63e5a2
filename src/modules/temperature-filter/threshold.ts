/**
 * The temperature of a reading `{machine: {temperature}}`, in degrees Celsius.
 *
 * @returns undefined for anything else.
 */
export function machineTemperature(body: string): number | undefined {
	try {
		const temperature = JSON.parse(body)?.machine?.temperature;
		return typeof temperature === 'number' ? temperature : undefined;
	} catch {
		return undefined;
	}
}

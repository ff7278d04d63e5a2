import iot from 'azure-iot-device';
import { Mqtt } from 'azure-iot-device-mqtt';
import { machineTemperature } from './threshold.ts';

/** Desired property `TemperatureThreshold`: warmer readings, in degrees Celsius, are passed on. */
let threshold = 25;

const client = await iot.ModuleClient.fromEnvironment(Mqtt);
await client.open();
console.log('The filter is connected.');

const twin = await client.getTwin();
twin.on('properties.desired', (desired) => {
	if (typeof desired.TemperatureThreshold !== 'number') return;
	threshold = desired.TemperatureThreshold;
	console.log(`Readings above ${threshold} °C are passed on.`);
	twin.properties.reported['update']({ TemperatureThreshold: threshold }, (error?: Error) => {
		if (error) console.error(`Reported properties were not taken: ${error.message}`);
	});
});

client.on('inputMessage', (inputName, message) => {
	if (inputName === 'input1') void forward(message);
	client.complete(message, () => {});
});

async function forward(reading: iot.Message): Promise<void> {
	const body = reading.getData().toString();
	const temperature = machineTemperature(body);
	if (temperature === undefined || temperature <= threshold) return;
	const alert = new iot.Message(body);
	alert.contentType = 'application/json';
	alert.contentEncoding = 'utf-8';
	for (const { key, value } of reading.properties.propertyList) alert.properties.add(key, value);
	alert.properties.add('MessageType', 'Alert');
	try {
		await client.sendOutputEvent('output1', alert);
	} catch (error) {
		console.error('An alert was not taken:', error);
	}
}

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import iot from 'azure-iot-device';
import { Mqtt } from 'azure-iot-device-mqtt';
import { Machine } from './machine.ts';

const settings = {
	/** Desired property `SendData`: whether readings are sent. */
	sendData: true,
	/** Desired property `SendInterval`: seconds between readings. */
	sendInterval: 5,
	/** Variable `MessageCount`: readings until the sensor falls silent; -1 for no end. */
	messageCount: Number(process.env['MessageCount'] ?? -1),
};

const machine = new Machine();
const batchId = randomUUID();
const client = await iot.ModuleClient.fromEnvironment(Mqtt);
await client.open();
console.log(`The sensor is connected, batch ${batchId}.`);

client.onMethod('reset', (_request, response) => {
	machine.reset();
	response?.send(200, { reset: true }, () => console.log('The machine was reset.'));
});

client.on('inputMessage', (inputName, message) => {
	if (inputName !== 'control') return;
	if (message.getData().toString().includes('reset')) machine.reset();
	client.complete(message, () => {});
});

const twin = await client.getTwin();
twin.on('properties.desired', (desired) => {
	if (typeof desired.SendData === 'boolean') settings.sendData = desired.SendData;
	if (Number(desired.SendInterval) > 0) settings.sendInterval = Number(desired.SendInterval);
	const reported = { SendData: settings.sendData, SendInterval: settings.sendInterval };
	twin.properties.reported['update'](reported, (error?: Error) => {
		if (error) console.error(`Reported properties were not taken: ${error.message}`);
	});
});

for (let sent = 0; settings.messageCount < 0 || sent < settings.messageCount; ) {
	if (settings.sendData) {
		sent += 1;
		const message = new iot.Message(JSON.stringify(machine.read(new Date())));
		message.contentType = 'application/json';
		message.contentEncoding = 'utf-8';
		message.properties.add('sequenceNumber', String(sent));
		message.properties.add('batchId', batchId);
		await client.sendOutputEvent('temperatureOutput', message);
		console.log(`Sent reading ${sent}.`);
	}
	await sleep(settings.sendInterval * 1000);
}
console.log('All readings are sent.');

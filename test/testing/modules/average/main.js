const { ModuleClient, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');

/** Passes on the average of every two readings. */
async function main() {
	const client = await ModuleClient.fromEnvironment(Mqtt);
	const readings = [];
	client.on('inputMessage', (_input, message) => {
		readings.push(JSON.parse(message.getData().toString()).temperature);
		if (readings.length === 2) {
			const [first, second] = readings.splice(0);
			const average = new Message(JSON.stringify({ average: (first + second) / 2 }));
			client.sendOutputEvent('averages', average, () => {});
		}
		client.complete(message, () => {});
	});
	// What the hub has kept for the module comes as soon as it is connected: listen first.
	await client.open();
	const twin = await client.getTwin();
	twin.on('properties.desired', ({ unit }) => {
		twin.properties.reported.update({ unit }, () => {});
	});
	client.onMethod('count', (_request, response) =>
		response.send(200, { waiting: readings.length }),
	);
	console.log('The average module listens.');
}

void main();

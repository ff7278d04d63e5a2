/**
 * A journey through the unmodified device SDK over HTTPS, in a process of its own: the preload that
 * lets it use a host name with a port is for whole processes. Prints what it has seen as JSON.
 */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import iot from 'azure-iot-device';
import { Http } from 'azure-iot-device-http';

const connection = process.env['IOTHUB_DEVICE_CONNECTION_STRING'] ?? '';
const client = iot.Client.fromConnectionString(connection, Http);
const seen: Record<string, unknown> = {};

const message = new iot.Message('{"single":1}');
message.messageId = 'm1';
message.contentType = 'application/json';
message.properties.add('Key', 'value');
await client.sendEvent(message);
await client.sendEventBatch(['a', 'b'].map((text) => new iot.Message(text)));
await client.setOptions({ http: { receivePolicy: { interval: 1 } } } as never);
const [received] = (await once(client, 'message')) as [iot.Message];
seen['received'] = [received.messageId, String(received.data)];
await client.complete(received);
await client.uploadToBlob('hello.txt', Readable.from(['hello ', 'blob']) as never, 10);
process.stdout.write(JSON.stringify(seen));
process.exit();

import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import rhea, { type Delivery } from 'rhea';
import { AmqpError } from '../../src/amqp/amqp-error.ts';
import { amqpClient, amqpServer, happening } from '../support/amqp-peer.ts';
import { until } from '../support/until.ts';

test('a message is accepted when its route has done with it, or rejected with the reason', async (t) => {
	const { handler, server } = amqpServer();
	const client = amqpClient(server);
	const sender = client.open_sender('/here');
	await happening(sender, 'sendable');
	sender.send({ body: rhea.message.data_section(Buffer.from('good')) } as never);
	await happening(sender, 'accepted');
	t.deepEqual(handler.received, ['good']);
	t.is(handler.links[0]?.address, '/here');

	handler.route = async () => {
		throw new AmqpError('amqp:not-found', 'Nobody is there.');
	};
	sender.send({ body: 'bad' } as never);
	const { delivery } = await happening(sender, 'rejected');
	t.like(delivery?.remote_state?.['error'], {
		condition: 'amqp:not-found',
		description: 'Nobody is there.',
	});
	handler.route = async () => {
		throw new Error('a secret');
	};
	sender.send({ body: 'worse' } as never);
	const { delivery: failed } = await happening(sender, 'rejected');
	t.is(failed?.remote_state?.['error'].condition, 'amqp:internal-error');
	t.false(JSON.stringify(failed?.remote_state?.['error']).includes('secret'));
	await server.stop();
});

test('messages that come together have each their own outcome', async (t) => {
	const { handler, server } = amqpServer();
	handler.route = async ({ value }) => {
		if (Number(value) % 3 === 1) throw new AmqpError('amqp:not-found', 'Odd.');
	};
	const sender = amqpClient(server).open_sender('/here');
	await happening(sender, 'sendable');
	const outcomes = new Map<unknown, string>();
	for (const outcome of ['accepted', 'rejected']) {
		sender.on(outcome, ({ delivery }) => outcomes.set(delivery?.id, outcome));
	}
	for (let n = 0; n < 9; n += 1) sender.send({ body: n } as never);
	await until(() => outcomes.size === 9);
	t.deepEqual(
		[...outcomes]
			.sort()
			.map(([, outcome]) => outcome[0])
			.join(''),
		'araaraara',
	);
	await server.stop();
});

test('ids of every type become text, properties and annotations keep their types', async (t) => {
	const { handler, server } = amqpServer();
	const received: unknown[] = [];
	handler.route = async (message) => {
		received.push(message);
	};
	const sender = amqpClient(server).open_sender('/here');
	await happening(sender, 'sendable');
	const id = '7f3c8f3e-5f5c-4c6e-8d4b-0123456789ab';
	sender.send({
		message_id: rhea.string_to_uuid(id),
		correlation_id: 7,
		user_id: Buffer.from('me'),
		absolute_expiry_time: 1_700_000_000_000,
		application_properties: { text: 'é', number: rhea.types.wrap_int(5), yes: true },
		message_annotations: { 'x-opt-a': 'b' },
		body: rhea.message.data_sections([Buffer.from('a'), Buffer.from('b')]),
	} as never);
	await happening(sender, 'accepted');
	t.deepEqual(received, [
		{
			messageId: id,
			correlationId: '7',
			userId: 'me',
			absoluteExpiryTime: 1_700_000_000_000,
			properties: new Map<string, unknown>([
				['text', 'é'],
				['number', 5],
				['yes', true],
			]),
			annotations: new Map([['x-opt-a', 'b']]),
			data: Buffer.from('ab'),
		},
	]);
	await server.stop();
});

test('a peer sends no more than it has credit for, and gets credit as messages are done', async (t) => {
	const { handler, server } = amqpServer({ linkCredit: 4 });
	const gates: (() => void)[] = [];
	handler.route = () => new Promise((resolve) => gates.push(resolve));
	const sender = amqpClient(server).open_sender('/here');
	await happening(sender, 'sendable');
	for (let n = 0; n < 10; n += 1) sender.send({ body: n } as never);
	await until(() => gates.length === 4);
	for (let n = 0; n < 20; n += 1) await turn();
	t.is(gates.length, 4);
	let accepted = 0;
	sender.on('accepted', () => {
		accepted += 1;
	});
	await until(() => {
		gates.shift()?.();
		return accepted === 10;
	});
	t.is(gates.length, 0);
	await server.stop();
});

test('messages to a peer wait for its credit, keep their order and learn their outcome', async (t) => {
	const { handler, server } = amqpServer();
	const receiver = amqpClient(server).open_receiver('/there');
	await happening(receiver, 'receiver_open');
	const [link] = handler.outgoing;
	t.is(link?.address, '/there');
	t.is(link?.credit, 0);
	const outcomes = ['a', 'b', 'c', 'd'].map((text) => link?.send({ data: Buffer.from(text) }));
	const seen: string[] = [];
	receiver.on('message', ({ message, delivery }) => {
		const text = String(message?.['body'].content);
		seen.push(text);
		if (text === 'a') delivery?.accept();
		else if (text === 'b') delivery?.reject({ condition: 'amqp:not-found' } as never);
		else if (text === 'c') delivery?.release();
		else delivery?.modified({ delivery_failed: true });
	});
	receiver.add_credit(2);
	t.deepEqual(await Promise.all(outcomes.slice(0, 2)), ['accepted', 'rejected']);
	for (let n = 0; n < 20; n += 1) await turn();
	t.deepEqual(seen, ['a', 'b']);
	receiver.add_credit(10);
	t.deepEqual(await Promise.all(outcomes.slice(2)), ['released', 'released']);
	t.deepEqual(seen, ['a', 'b', 'c', 'd']);
	t.is(link?.credit, 8);
	await server.stop();
});

test('every delivery has a tag of 16 bytes, from which some clients make a GUID', async (t) => {
	const { handler, server } = amqpServer();
	const client = amqpClient(server);
	const tags: string[] = [];
	for (let n = 0; n < 3; n += 1) {
		const receiver = client.open_receiver('/there');
		receiver.on('message', ({ delivery }) => {
			const { tag } = delivery as unknown as { readonly tag: Buffer };
			tags.push(tag.toString('hex'));
		});
		receiver.add_credit(2);
		await happening(receiver, 'receiver_open');
		for (const _ of [1, 2]) void handler.outgoing.at(-1)?.send({}, { settled: true });
		await until(() => tags.length === 2 * (n + 1));
	}
	t.deepEqual(
		tags.map((tag) => tag.length),
		tags.map(() => 32),
	);
	t.is(new Set(tags).size, 6);
	await server.stop();
});

test('a receiver that settles second is told that its outcome is accepted, whatever it is', async (t) => {
	const { handler, server } = amqpServer();
	const receiver = amqpClient(server).open_receiver({
		source: '/there',
		rcv_settle_mode: 1,
		credit_window: 0,
		autoaccept: false,
		autosettle: false,
	} as never);
	receiver.add_credit(3);
	await happening(receiver, 'receiver_open');
	for (const [outcome, end] of [
		['accepted', (delivery: Delivery) => delivery.accept()],
		['rejected', (delivery: Delivery) => delivery.reject({ condition: 'amqp:not-found' })],
		['released', (delivery: Delivery) => delivery.release()],
	] as const) {
		const sent = handler.outgoing[0]?.send({ data: Buffer.from(outcome) });
		const { delivery } = await happening(receiver, 'message');
		end(delivery as Delivery);
		const { delivery: settled } = await happening(receiver, 'settled');
		t.is(await sent, outcome);
		t.true(settled?.remote_settled);
		t.is(settled?.remote_state?.constructor['composite_type' as 'name'], 'accepted');
	}
	await server.stop();
});

test('credit that is drained is given back, and what comes later waits', async (t) => {
	const { handler, server } = amqpServer();
	const receiver = amqpClient(server).open_receiver('/there');
	await happening(receiver, 'receiver_open');
	receiver.add_credit(5);
	const [link] = handler.outgoing;
	await until(() => link?.credit === 5);
	receiver.drain_credit();
	await happening(receiver, 'receiver_drained');
	t.is(link?.credit, 0);
	const seen: string[] = [];
	receiver.on('message', ({ message }) => seen.push(String(message?.['body'].content)));
	void link?.send({ data: Buffer.from('late') }, { settled: true });
	for (let n = 0; n < 20; n += 1) await turn();
	t.deepEqual(seen, []);
	receiver.drain = false;
	receiver.add_credit(1);
	await until(() => seen.length === 1);
	await server.stop();
});

test('a link that ends takes with it what waits', async (t) => {
	const { handler, server } = amqpServer();
	const receiver = amqpClient(server).open_receiver('/there');
	await happening(receiver, 'receiver_open');
	const [link] = handler.outgoing;
	const waiting = t.throwsAsync(async () => link?.send({}), { code: 'EDGE_CLIENT_GONE' });
	receiver.close();
	await waiting;
	t.true(link?.closed.aborted);
	await t.throwsAsync(async () => link?.send({}), { code: 'EDGE_CLIENT_GONE' });
	await server.stop();
	t.true(link?.connection.closed.aborted);
});

test('a refused link is detached with the reason', async (t) => {
	const { handler, server } = amqpServer();
	handler.admit = (address) => {
		throw new AmqpError('amqp:unauthorized-access', `Not to ${address}.`);
	};
	const client = amqpClient(server);
	const sender = client.open_sender('/here');
	const receiver = client.open_receiver('/there');
	await Promise.all([happening(sender, 'sender_error'), happening(receiver, 'receiver_error')]);
	t.like(sender.error, {
		condition: 'amqp:unauthorized-access',
		description: 'Not to /here.',
	});
	t.like(receiver.error, { description: 'Not to /there.' });
	await server.stop();
});

test('filters and properties of links are told', async (t) => {
	const { handler, server } = amqpServer();
	const receiver = amqpClient(server).open_receiver({
		source: { address: '/there', filter: rhea.filter.selector("a > '1'") },
		properties: { 'com.microsoft:epoch': 5 },
	});
	await happening(receiver, 'receiver_open');
	t.is(handler.outgoing[0]?.filters.get('jms-selector'), "a > '1'");
	t.is(handler.outgoing[0]?.properties.get('com.microsoft:epoch'), 5);
	await server.stop();
});

test('tokens are put to $cbs and answered with a status', async (t) => {
	const { handler, server } = amqpServer();
	const client = amqpClient(server);
	const receiver = client.open_receiver({ source: '$cbs', target: 'answers', credit_window: 10 });
	const sender = client.open_sender('$cbs');
	await happening(sender, 'sendable');
	const put = async (token: unknown, messageId: string, replyTo: string) => {
		sender.send({
			message_id: messageId,
			reply_to: replyTo,
			application_properties: {
				operation: 'put-token',
				type: 'servicebus.windows.net:sastoken',
				name: 'host/devices/d',
			},
			body: token,
		} as never);
		const { message } = await happening(receiver, 'message');
		return [message?.['correlation_id'], message?.['application_properties']];
	};
	t.deepEqual(await put('good', 'id 1', 'answers'), [
		'id 1',
		{ 'status-code': 200, 'status-description': 'OK' },
	]);
	t.deepEqual(handler.tokens, [
		{ audience: 'host/devices/d', type: 'servicebus.windows.net:sastoken', token: 'good' },
	]);
	await put(rhea.message.data_section(Buffer.from('as bytes')), 'id 1', 'answers');
	t.is(handler.tokens.at(-1)?.token, 'as bytes');
	sender.send({ message_id: 7, application_properties: { operation: 'delete-token' } } as never);
	const { message } = await happening(receiver, 'message');
	t.is(message?.['correlation_id'], 7);
	t.is(message?.['application_properties']?.['status-code'], 400);
	handler.admit = () => {
		throw new AmqpError('amqp:unauthorized-access', 'No.');
	};
	t.deepEqual(await put('bad', 'id 2', 'cbs'), [
		'id 2',
		{
			'status-code': 401,
			'status-description': 'No.',
			'error-condition': 'amqp:unauthorized-access',
		},
	]);
	await server.stop();
});

/** A mechanism of clients that says nothing, as libraries of Azure in C call it. */
function nameless() {
	return {
		start: (callback: (error: undefined, response: string) => void) => callback(undefined, ''),
	};
}

for (const [mechanism, options, welcome] of [
	['none', {}, true],
	['ANONYMOUS', { username: 'someone' }, true],
	['MSSBCBS', { sasl_mechanisms: { MSSBCBS: nameless } }, true],
	['PLAIN with a good password', { username: 'me', password: 'good' }, true],
	['PLAIN with a bad password', { username: 'me', password: 'bad' }, false],
] as const) {
	test(`SASL: ${mechanism}`, async (t) => {
		const { handler, server } = amqpServer();
		handler.authenticatePlain = async (_connection, user, password) =>
			user === 'me' && password === 'good';
		const client = amqpClient(server, options);
		const outcome = await Promise.race([
			happening(client, 'connection_open').then(() => true),
			happening(client, 'connection_error').then(() => false),
		]);
		t.is(outcome, welcome);
		await server.stop();
	});
}

test('a connection that is closed with a reason says it', async (t) => {
	const { handler, server } = amqpServer();
	const client = amqpClient(server);
	const sender = client.open_sender('/here');
	await happening(sender, 'sendable');
	const [connection] = handler.connections;
	const closed = happening(client, 'connection_error');
	connection?.close(new AmqpError('amqp:connection:forced', 'Enough.'));
	await closed;
	t.like(client.error, { condition: 'amqp:connection:forced', description: 'Enough.' });
	await until(() => connection?.closed.aborted === true);
	await server.stop();
});

test('messages of a batch are served one by one, and accepted together', async (t) => {
	const { handler, server } = amqpServer();
	const sender = amqpClient(server).open_sender('/here');
	await happening(sender, 'sendable');
	const batchFormat = 0x80_01_37_00;
	const batchOf = (...texts: string[]) => {
		const encode = (message: object) => rhea.message.encode(message as never);
		const data = rhea.message.data_section;
		const inner = texts.map((text) => encode({ body: data(Buffer.from(text)) }));
		return encode({ body: rhea.message.data_sections(inner) });
	};
	sender.send(batchOf('a', 'b', 'c') as never, Buffer.from('1'), batchFormat);
	await happening(sender, 'accepted');
	sender.send(batchOf('d') as never, Buffer.from('2'), batchFormat);
	await happening(sender, 'accepted');
	t.deepEqual(handler.received, ['a', 'b', 'c', 'd']);

	handler.route = async ({ data }) => {
		if (String(data) === 'bad') throw new AmqpError('amqp:not-found', 'Not this one.');
	};
	sender.send(batchOf('good', 'bad') as never, Buffer.from('3'), batchFormat);
	const { delivery } = await happening(sender, 'rejected');
	t.is(delivery?.remote_state?.['error'].condition, 'amqp:not-found');
	for (const [format, bytes, condition] of [
		[batchFormat, Buffer.from([0, 0x53, 0x75, 0xa0, 2, 1, 2]), 'amqp:decode-error'],
		[7, batchOf('a'), 'amqp:not-implemented'],
	] as const) {
		sender.send(bytes as never, Buffer.from('4'), format);
		const { delivery: failed } = await happening(sender, 'rejected');
		t.is(failed?.remote_state?.['error'].condition, condition);
	}
	await server.stop();
});

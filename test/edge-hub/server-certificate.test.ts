import test from 'ava';
import { RenewedServerCertificate } from '../../src/edge-hub/renewed-server-certificate.ts';
import type { WorkloadCertificate } from '../../src/edge-hub/workload-client.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { FakeClock } from '../support/fake-clock.ts';

const day = 86_400_000;

function renewal(lifeDays: number) {
	const clock = new FakeClock();
	const issued: number[] = [];
	const shown: WorkloadCertificate[] = [];
	const workload = { failing: false };
	const certificate = new RenewedServerCertificate({
		workload: {
			createServerCertificate: async (commonName) => {
				if (workload.failing) throw new Error('the agent is being replaced');
				issued.push(clock.monotonic());
				const expiresAt = clock.now() + lifeDays * day;
				return { certificate: commonName, privateKey: String(issued.length), expiresAt };
			},
			sign: () => Promise.reject(new Error('not asked')),
			deployment: () => Promise.reject(new Error('not asked')),
			trustBundle: () => Promise.reject(new Error('not asked')),
		},
		commonName: 'edgehub',
		replaced: (renewed) => shown.push(renewed),
		clock,
		logger: silentLogger,
	});
	return { certificate, clock, issued, shown, workload };
}

test('a certificate is renewed when two thirds of its life are over', async (t) => {
	const { certificate, clock, issued, shown } = renewal(30);
	await certificate.start();
	t.is(certificate.current.certificate, 'edgehub');
	await clock.advance(20 * day - 1);
	t.deepEqual(issued, [0]);
	await clock.advance(1);
	t.deepEqual(issued, [0, 20 * day]);
	t.is(shown[0]?.privateKey, '2');
	t.is(certificate.current.privateKey, '2');
	await clock.advance(20 * day);
	t.is(issued.length, 3);
	await certificate.stop();
	t.is(clock.pending, 0);
});

test('a renewal that fails is tried again long before the end', async (t) => {
	const { certificate, clock, issued, workload } = renewal(30);
	await certificate.start();
	workload.failing = true;
	await clock.advance(21 * day);
	t.is(certificate.current.privateKey, '1');
	workload.failing = false;
	await clock.advance(day / 24);
	t.is(issued.length, 2);
	await certificate.stop();
});

for (const [direction, days] of [
	['ahead', 70],
	['back', -70],
] as const) {
	test(`a clock that jumps ${direction} is noticed within two minutes`, async (t) => {
		const { certificate, clock, issued } = renewal(90);
		await certificate.start();
		await clock.advance(2 * 3_600_000);
		clock.jump(days * day);
		await clock.advance(120_000);
		t.is(issued.length, 2);
		await certificate.stop();
	});
}

test('a certificate that is old at birth does not make the hub ask without a pause', async (t) => {
	const { certificate, clock, issued } = renewal(0);
	await certificate.start();
	await clock.advance(600_000);
	t.true(issued.length <= 11, `asked ${issued.length} times in ten minutes`);
	await certificate.stop();
	t.is(clock.pending, 0);
});

import test from 'ava';
import {
	decideClaim,
	isDefaultClass,
} from '../../../src/local-cluster/controllers/claim-binding.ts';
import { localPathStorageClass } from '../../../src/local-cluster/controllers/claim-controller.ts';
import type {
	PersistentVolume,
	PersistentVolumeSpec,
	VolumeClaim,
	VolumeClaimSpec,
} from '../../../src/local-cluster/workloads/volume-claim.ts';

const claim = (spec: VolumeClaimSpec, phase = 'Pending'): VolumeClaim => ({
	apiVersion: 'v1',
	kind: 'PersistentVolumeClaim',
	metadata: { name: 'data', namespace: 'edge', uid: 'c1' },
	spec: {
		accessModes: ['ReadWriteOnce'],
		resources: { requests: { storage: '1Gi' } },
		...spec,
	},
	status: { phase },
});

const volume = (name: string, spec: PersistentVolumeSpec): PersistentVolume => ({
	apiVersion: 'v1',
	kind: 'PersistentVolume',
	metadata: { name },
	spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, ...spec },
});

const classes = [localPathStorageClass];
const claimRef = (uid?: string) => ({
	kind: 'PersistentVolumeClaim',
	namespace: 'edge',
	name: 'data',
	...(uid === undefined ? {} : { uid }),
});

test('a claim without a class is provisioned by the default class', (t) => {
	t.is(localPathStorageClass.metadata.annotations?.[isDefaultClass], 'true');
	t.deepEqual(decideClaim(claim({}), [], classes), {
		kind: 'provision',
		storageClassName: 'local-path',
	});
});

test('a claim that names a volume and no class takes that volume', (t) => {
	const named = volume('pv', {});
	const spec = { storageClassName: '', volumeName: 'pv' };
	t.deepEqual(decideClaim(claim(spec), [named], classes), { kind: 'bind', volume: named });
	t.like(decideClaim(claim(spec), [], classes), { kind: 'wait', reason: 'FailedBinding' });
	const taken = volume('pv', { claimRef: claimRef('other') });
	t.like(decideClaim(claim(spec), [taken], classes), { kind: 'wait' });
	const reserved = volume('pv', { claimRef: claimRef() });
	t.like(decideClaim(claim(spec), [reserved], classes), { kind: 'bind' });
});

test('a claim of the empty class takes the smallest volume that fits', (t) => {
	const volumes = [
		volume('large', { capacity: { storage: '10Gi' } }),
		volume('small', { capacity: { storage: '512Mi' } }),
		volume('right', { capacity: { storage: '2Gi' } }),
		volume('shared', { capacity: { storage: '1Gi' }, accessModes: ['ReadOnlyMany'] }),
	];
	const decision = decideClaim(claim({ storageClassName: '' }), volumes, classes);
	t.is(decision.kind === 'bind' ? decision.volume.metadata.name : decision.kind, 'right');
	t.like(decideClaim(claim({ storageClassName: '' }), [], classes), { kind: 'wait' });
});

test('an unknown class keeps the claim pending and says why', (t) => {
	t.deepEqual(decideClaim(claim({ storageClassName: 'azurefile' }), [], classes), {
		kind: 'wait',
		reason: 'ProvisioningFailed',
		message: 'storageclass.storage.k8s.io "azurefile" not found',
	});
});

test('a claim that was bound half-way is bound again, a bound one rests', (t) => {
	const mine = volume('pv', { claimRef: claimRef('c1') });
	t.is(decideClaim(claim({}), [mine], classes).kind, 'bind');
	t.is(decideClaim(claim({ volumeName: 'pv' }, 'Bound'), [mine], classes).kind, 'bound');
});

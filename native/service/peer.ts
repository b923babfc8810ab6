import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { NativeError } from '../errors.ts';
import { allocate, loadFfi } from '../tpm/ffi.ts';

/** The account at the other end of a UNIX socket as the kernel noted it when it connected. */
export type Peer = { uid: number; gid: number; groups: readonly number[] };

/** SOL_SOCKET, SO_PEERCRED and SO_PEERGROUPS of Linux's asm-generic/socket.h: x86, ARM and RISC-V alike. */
const [SOL_SOCKET, SO_PEERCRED, SO_PEERGROUPS] = [1, 17, 59];
/** NGROUPS_MAX of Linux, four bytes each. */
const MOST_GROUP_BYTES = 65_536 * 4;

/**
 * Tells who connected. The kernel answers, so that no client can claim to be somebody else, and what the socket's file mode says does not
 * matter. Error: `service-request-refused` where it cannot be told.
 */
export function createPeerReader(): (socket: Socket) => Peer {
  const ffi = loadFfi();
  const getsockopt = ffi.load(null).func('int getsockopt(int fd, int level, int name, void *value, void *length)');

  /** getsockopt(2); undefined where it fails, also where `size` bytes are too few. */
  const option = (descriptor: number, name: number, size: number): Uint8Array | undefined => {
    const value = allocate(ffi, size);
    const length = allocate(ffi, 4);
    try {
      length.write(new Uint8Array(Uint32Array.of(size).buffer));
      if (getsockopt(descriptor, SOL_SOCKET, name, value.pointer, length.pointer) !== 0) return undefined;
      return value.read(Buffer.from(length.read(4)).readUInt32LE());
    } finally {
      value.free();
      length.free();
    }
  };

  return (socket) => {
    const descriptor = descriptorOf(socket);
    const credentials = option(descriptor, SO_PEERCRED, 12);
    if (credentials?.length !== 12) throw unknownPeer();
    // struct ucred: pid, uid, gid; 32 bits each, in the machine's own order (little-endian on all of them).
    const [, uid = 0, gid = 0] = numbersIn(credentials);
    // Kernels before 4.13 do not know the option: such a peer counts as in no further group.
    const groups = option(descriptor, SO_PEERGROUPS, 1024) ?? option(descriptor, SO_PEERGROUPS, MOST_GROUP_BYTES);
    return { uid, gid, groups: groups ? numbersIn(groups) : [] };
  };
}

function numbersIn(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length >> 2 }, (_, at) => view.getUint32(at * 4, true));
}

/** Node has no public name for it; without it nobody is let in. */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: unknown } };
  if (typeof handle?.fd !== 'number' || handle.fd < 0) throw unknownPeer();
  return handle.fd;
}

function unknownPeer(): NativeError {
  return new NativeError('service-request-refused', 'The account of this request cannot be told.');
}

/** Accounts that the service answers. */
export type Admission = {
  /** The account that the service itself runs as. */
  own: number;
  /** Members are let in whatever their number: the agent, and whom IT adds. Undefined where there is no such group. */
  group: number | undefined;
  /** The lowest number of a person's account (UID_MIN of login.defs). */
  firstPerson: number;
};

/** The group of the deb and rpm whose members the service answers. */
export const SERVICE_GROUP = 'muster';

/** What this machine's own files say of accounts. A missing group or file lets nobody in besides. */
export function readAdmission(own: number, root = ''): Admission {
  const group = new RegExp(`^${SERVICE_GROUP}:[^:]*:(\\d+):`, 'm').exec(textOf(`${root}/etc/group`))?.[1];
  const first = /^\s*UID_MIN\s+(\d+)/m.exec(textOf(`${root}/etc/login.defs`))?.[1];
  return { own, group: group === undefined ? undefined : Number(group), firstPerson: Number(first ?? 1000) };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Dynamic accounts of services, nobody, and the numbers next to it (systemd, "Users, Groups, UIDs and GIDs"). */
const [FIRST_SERVICE, LAST_SERVICE] = [61_184, 65_535];

/**
 * The name under which the service remembers an account, or undefined for one that it does not answer. The agent is one account whatever
 * number systemd gave it this time; other daemons of the machine have no business with its TPM.
 */
export function accountOf(peer: Peer, admission: Admission): string | undefined {
  const isPerson = peer.uid >= admission.firstPerson && (peer.uid < FIRST_SERVICE || peer.uid > LAST_SERVICE);
  if (isPerson || peer.uid === 0 || peer.uid === admission.own) return `uid:${peer.uid}`;
  const isMember = admission.group !== undefined && [peer.gid, ...peer.groups].includes(admission.group);
  return isMember ? 'agent' : undefined;
}

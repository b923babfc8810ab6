import { NativeError } from '../errors.ts';
import { checkDevice } from './devicePipe.ts';
import { allocate, type CodeFunction, callAsync, type Ffi, loadFfi, type Pointer } from './ffi.ts';
import { checkCommand, checkResponse, MAX_FRAME, type Pipe, timedOut, withDeadline } from './pipe.ts';
import { formatTcti, isEmulator, type Tcti } from './tcti.ts';
import { findLibrary, loaderName } from './tctiLibrary.ts';

/** TSS2_TCTI_CONTEXT_COMMON_V1 on LP64: magic u64, version u32, then the functions (tpm2-tss: tss2_tcti.h). */
const TRANSMIT_AT = 16;
const RECEIVE_AT = 24;
const TRY_AGAIN = 0xa0009;
const SLICE_MS = 250;
const OPEN_DEADLINE_MS = 10_000;

/** True where tpm2-tss and the library for this TCTI are installed. */
export function tctiInstalled(tcti: Tcti, folders?: readonly string[]): boolean {
  return findLibrary('libtss2-tctildr.so.0', folders) !== undefined && loaderName(tcti, folders) !== undefined;
}

/**
 * Opens a TPM through tpm2-tss's TCTI loader. Both libraries are named by absolute path; the loader never gets an
 * empty configuration, on which it would try every emulator on loopback.
 */
export async function openTctiPipe(tcti: Tcti, ffi: Ffi = loadFfi(), deadlineMs = OPEN_DEADLINE_MS): Promise<Pipe> {
  if (tcti.kind === 'device') await checkDevice(tcti.path);
  // The loader would append its errors to stderr, or to a file that the caller's environment names.
  process.env.TSS2_LOG = 'all+NONE';
  delete process.env.TSS2_LOGFILE;
  const loader = findLibrary('libtss2-tctildr.so.0');
  const name = loaderName(tcti);
  if (loader === undefined || name === undefined) {
    throw new NativeError('tpm-library-missing', `tpm2-tss has no library for ${formatTcti(tcti)} on this machine.`);
  }
  const library = ffi.load(loader);
  const initialize = library.func('uint32_t Tss2_TctiLdr_Initialize(const char *conf, _Out_ void **context)');
  const finalize = library.func('void Tss2_TctiLdr_Finalize(_Inout_ void **context)');
  const held: [Pointer | null] = [null];
  const rc = await withDeadline(callAsync(initialize, name, held), deadlineMs);
  const context = held[0];
  if (rc !== 0 || context === null) throw openError(tcti, rc);

  const transmit = functionAt(ffi, context, TRANSMIT_AT, 'uint32_t MusterTransmit(void *, size_t, const uint8_t *)');
  const receive = functionAt(ffi, context, RECEIVE_AT, 'uint32_t MusterReceive(void *, size_t *, uint8_t *, int32_t)');
  const command = allocate(ffi, MAX_FRAME);
  const response = allocate(ffi, MAX_FRAME);
  const size = ffi.alloc('size_t', 1);
  // The TCTIs of the device and the broker poll, so they can wait in slices; the emulators' read until the answer is there.
  const timeout = tcti.kind === 'device' || tcti.kind === 'tabrmd' ? SLICE_MS : -1;
  let pending: Promise<unknown> | undefined;
  const release = () => {
    finalize(held);
    command.free();
    response.free();
    ffi.free(size);
  };

  const exchange = async (bytes: Uint8Array, until: number): Promise<Uint8Array> => {
    command.write(bytes);
    // Hands the bytes over and returns: the device is opened O_NONBLOCK, the emulators buffer. Receiving is what waits.
    const sent = transmit(context, bytes.length, command.pointer);
    if (sent !== 0) throw lost(tcti, sent);
    for (;;) {
      ffi.encode(size, 'size_t', MAX_FRAME);
      const got = await callAsync(receive, context, size, response.pointer, timeout);
      if (got === 0) break;
      if (got !== TRY_AGAIN) throw lost(tcti, got);
      if (performance.now() > until) throw timedOut(0);
    }
    return response.read(Number(ffi.decode(size, 0, 'size_t')));
  };

  return {
    async submit(bytes, deadlineMs) {
      checkCommand(bytes);
      if (pending) throw new NativeError('tpm-busy', 'The TPM has not answered an earlier command yet.');
      // Slices end a little after the deadline, so that the thread comes free again.
      const work = exchange(bytes, performance.now() + deadlineMs + SLICE_MS);
      pending = work;
      const free = () => {
        pending = undefined;
      };
      work.then(free, free);
      return checkResponse(await withDeadline(work, deadlineMs));
    },
    async close() {
      // A worker thread may still write to this memory: it is given back when that thread comes free, if it ever does.
      if (pending) void pending.then(release, release);
      else release();
    },
  };
}

function functionAt(ffi: Ffi, context: Pointer, offset: number, prototype: string): CodeFunction {
  const pointer = ffi.decode(context, offset, 'void *') as Pointer | null;
  if (pointer === null)
    throw new NativeError('tpm-library-missing', 'The installed tpm2-tss lacks a function that Muster needs.');
  return ffi.decode(pointer as never, 0, prototypeOf(ffi, prototype)) as CodeFunction;
}

const prototypes = new Map<string, unknown>();

/** koffi knows a prototype by its name for the life of the process and refuses a second one. */
function prototypeOf(ffi: Ffi, definition: string): unknown {
  const known = prototypes.get(definition) ?? ffi.proto(definition);
  prototypes.set(definition, known);
  return known;
}

function openError(tcti: Tcti, rc: number): NativeError {
  if (isEmulator(tcti)) {
    return new NativeError('tpm-missing', `No software TPM answers at ${formatTcti(tcti)}.`, {
      advice: 'Start it (swtpm socket --tpm2 …) or name the port that it listens on.',
      responseCode: rc,
    });
  }
  if (tcti.kind === 'tabrmd') {
    return new NativeError('tpm-missing', 'The TPM access broker (tpm2-abrmd) does not answer.', {
      advice: 'Start its service, or use device:/dev/tpmrm0.',
      responseCode: rc,
    });
  }
  return new NativeError('tpm-busy', `The TPM at ${formatTcti(tcti)} could not be opened.`, { responseCode: rc });
}

function lost(tcti: Tcti, rc: number): NativeError {
  return new NativeError('tpm-connection-lost', `The connection to the TPM (${formatTcti(tcti)}) was lost.`, {
    responseCode: rc,
  });
}

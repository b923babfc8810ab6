import { win32 } from 'node:path';
import { NativeError } from '../errors.ts';
import { type Ffi, loadFfi } from '../tpm/ffi.ts';
import type { ElevationOptions } from './elevatedAttestor.ts';
import { isElevated, runElevated } from './elevation.ts';
import { knownFolder } from './knownFolder.ts';

/**
 * Elevation on this Windows: the installed command under Program Files runs `muster tpm activate`. Where it is not
 * installed there, nothing is run with administrator rights: a program in a folder of the person's could be anyone's.
 */
export function openElevation(installed: { node: string; script: string }, ffi: Ffi = loadFfi()): ElevationOptions {
  return {
    folder: win32.join(knownFolder(ffi, 'localAppData'), 'Muster'),
    isElevated: () => isElevated(ffi),
    async run(requestFile, answerFile) {
      const programFiles = knownFolder(ffi, 'programFiles');
      for (const path of [installed.node, installed.script]) {
        if (!underProgramFiles(path, programFiles)) {
          throw new NativeError(
            'elevation-needed',
            'Windows keeps the proof of the TPM for administrators, and Muster is not installed for this whole machine.',
            { advice: 'Have your IT install Muster for all users, or run muster enroll once as an administrator.' },
          );
        }
      }
      const args = [installed.script, 'tpm', 'activate', '--request', requestFile, '--answer', answerFile];
      return runElevated(ffi, { file: installed.node, args });
    },
  };
}

/** True for an absolute path inside Program Files, whose folders only administrators write. */
export function underProgramFiles(path: string, programFiles: string): boolean {
  const relative = win32.relative(programFiles, path);
  return relative !== '' && !relative.startsWith('..') && !win32.isAbsolute(relative);
}

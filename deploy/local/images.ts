/** Checks guest images that a user brings, before anything is started with them. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { GuestImage } from '../../actors/host/mod.ts';
import { GridError } from '../../runtime/mod.ts';

/** An image has no usable name, or its files cannot be read. */
export class InvalidImage extends GridError {
  constructor(message: string, hint: string, cause?: unknown) {
    super('invalid-image', message, { field: 'image', hint, cause });
  }
}

/** Throws {@link InvalidImage} for the first that cannot be used. */
export async function checkImages(images: readonly GuestImage[]): Promise<void> {
  const names = new Set(['tiny']);
  for (const { name, kernel, initrd } of images) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {
      throw new InvalidImage(
        `an image cannot be called ${name}`,
        '1 to 64 letters, digits, ".", "_" or "-", starting with a letter or digit',
      );
    }
    if (names.has(name)) throw new InvalidImage(`two images are called ${name}`, 'give each its own name');
    names.add(name);
    for (const file of [kernel, initrd]) {
      await access(file, constants.R_OK).catch((cause) => {
        throw new InvalidImage(`${file} of image ${name} cannot be read`, 'a file that exists', cause);
      });
    }
  }
}

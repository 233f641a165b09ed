/** Takes a secret the moment that it is had, so that no log shows it. */
export type Mask = (secret: string) => void;

/** Masks the signature of a SAS in a URL, as it stands there and decoded. */
export function maskSas(mask: Mask, url: string): void {
  const [, written = ''] = /[?&]sig=([^&]+)/.exec(url) ?? [];
  const signature = new URL(url).searchParams.get('sig') ?? '';
  for (const form of new Set([written, signature, encodeURIComponent(signature)]))
    if (form !== '') mask(form);
}

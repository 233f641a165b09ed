/** Takes a secret the moment that it is had, so that no log shows it. */
export type Mask = (secret: string) => void;

/** Masks a secret as it is, and as it stands in a URL or a form. */
export function maskSecret(mask: Mask, secret: string): void {
  for (const form of new Set([secret, encodeURIComponent(secret)])) if (form !== '') mask(form);
}

/** Masks the signature of a SAS in a URL, as it stands there and decoded. */
export function maskSas(mask: Mask, url: string): void {
  const [, written = ''] = /[?&]sig=([^&]+)/.exec(url) ?? [];
  const signature = new URL(url).searchParams.get('sig') ?? '';
  if (written !== '') mask(written);
  maskSecret(mask, signature);
}
